"""What documents say of folders, files and commands is true."""

import re
from pathlib import Path

import pytest

from harness.conformance import sample_pipelines
from tests.contract import repository

DOCUMENTS = [file for file in repository.files() if file.suffix == ".md" and file.parts[0] != "upstream"]
FOLDERS = sorted({f"{file.parts[0]}/" for file in repository.files() if len(file.parts) > 1} - {".github/"})
CONCEPTS = [file for file in DOCUMENTS if file.parent == Path("docs/concepts")]


def _table(file: str, title: str) -> list[str]:
    """Return the first cells of the table below a title."""
    section = repository.text(Path(file)).partition(f"## {title}\n")[2].partition("\n## ")[0]
    return re.findall(r"^\| `([^`]+)` \|", section, re.MULTILINE)


def _headings(text: str) -> set[str]:
    """Return the anchors of a document's headings, as they are linked to."""
    titles = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title).lower().replace(" ", "-") for title in titles}


def test_readmes_map_names_every_top_level_folder() -> None:
    assert sorted(_table("README.md", "Map")) == FOLDERS


def test_contributing_says_of_every_folder_what_goes_there() -> None:
    described = _table("CONTRIBUTING.md", "What goes where, and what does not")
    assert sorted([*described, ".ci/"]) == FOLDERS


@pytest.mark.parametrize("file", DOCUMENTS, ids=str)
def test_links_lead_somewhere(file: Path) -> None:
    for target, _, anchor in re.findall(r"\]\(([^)#]*)(#?)([^)]*)\)", repository.text(file)):
        if "://" in target:
            continue
        path = (repository.ROOT / file.parent / target) if target else repository.ROOT / file
        assert path.exists(), f"{file}: {target}"
        if anchor:
            assert anchor in _headings(path.read_text()), f"{file}: {target}#{anchor}"


@pytest.mark.parametrize("file", [*DOCUMENTS, Path("Makefile")], ids=str)
def test_commands_are_modules_that_can_be_run(file: Path) -> None:
    for module in set(re.findall(r"python3? -m ([a-z_][\w.]*)", repository.text(file))):
        folder = repository.ROOT / module.replace(".", "/")
        runnable = (folder / "__main__.py").is_file() or folder.with_suffix(".py").is_file()
        assert runnable or module in {"pytest", "venv"}, f"{file}: python -m {module}"
        assert not module.startswith("tests"), f"{file}: tests are no program"


@pytest.mark.parametrize("file", DOCUMENTS, ids=str)
def test_targets_of_make_exist(file: Path) -> None:
    targets = set(re.findall(r"^([a-z][a-z0-9-]*):", repository.text(Path("Makefile")), re.MULTILINE))
    for words in re.findall(r"`make ([a-z][a-z0-9 -]*)", repository.text(file)):
        assert set(words.split()) <= targets, f"{file}: make {words}"


def test_every_target_of_make_is_declared_as_no_file() -> None:
    text = repository.text(Path("Makefile")).replace("\\\n", " ")
    (declared,) = re.findall(r"^\.PHONY: (.+)$", text, re.MULTILINE)
    targets = re.findall(r"^([a-z][a-z0-9-]*):", text, re.MULTILINE)
    assert sorted(declared.split()) == sorted(targets)


@pytest.mark.parametrize("file", CONCEPTS, ids=str)
def test_a_concept_is_read_in_one_sitting(file: Path) -> None:
    assert len(CONCEPTS) == 5
    assert repository.text(file).count("\n") < 80


def test_every_protection_has_a_test_and_the_rest_is_listed() -> None:
    text = repository.text(Path("docs/concepts/security.md"))
    rows = [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("| ")][1:]
    assert len(rows) > 25
    named = [row[-1].strip("`") for row in rows]
    for each in named:
        file, _, name = each.partition("::")
        assert re.search(rf"^def {name}\(", repository.text(Path(file)), re.MULTILINE), each
    assert len({*named}) == len(named), "a test that proves two things is two tests"
    assert text.partition("## What is not protected\n")[2].count("\n- ") >= 5


def test_decisions_are_numbered_without_a_gap() -> None:
    files = [file for file in DOCUMENTS if file.parent == Path("docs/adr")]
    assert [int(file.name[:4]) for file in files] == list(range(1, len(files) + 1))
    for file in files:
        title = repository.text(file).splitlines()[0]
        assert title.startswith(f"# {int(file.name[:4])}. "), file


def test_a_part_is_added_in_five_steps() -> None:
    section = (
        repository.text(Path("CONTRIBUTING.md")).partition("## How to add a part\n")[2].partition("\n## ")[0]
    )
    assert re.findall(r"^(\d)\. ", section, re.MULTILINE) == ["1", "2", "3", "4", "5"]


def test_the_answers_of_where_is_it_are_where_they_say() -> None:
    section = repository.text(Path("CONTRIBUTING.md")).partition("## Where is it?\n")[2].partition("\n## ")[0]
    rows = [line for line in section.splitlines() if line.startswith("| ")][1:]
    assert len(rows) == 5
    for row in rows:
        file, *symbols = re.findall(r"`([^`]+)`", row.split(";")[0])
        text = repository.text(Path(file))
        assert text, file
        for symbol in symbols:
            assert re.search(rf"^(def|class) {symbol}\b", text, re.MULTILINE), f"{file}: {symbol}"


def test_every_fault_of_upstream_is_named_with_its_issue_and_there_are_five_at_most() -> None:
    faults = sample_pipelines.faults()
    text = " ".join(repository.text(Path("README.md")).split())
    for name, why in faults.items():
        assert Path(name).name in text
        assert why.partition(":")[0] in text
    assert len({why.partition(":")[0] for why in faults.values()}) <= 5
