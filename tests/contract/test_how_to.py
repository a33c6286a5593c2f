"""How-to documents match the programs: titles, prices, checks, commands."""

import re
from pathlib import Path

import pytest

from infra import commands
from infra.account import preflight
from tests.contract import repository

FOLDER = Path("docs/how-to")
DOCUMENTS = [file for file in repository.files() if file.parent == FOLDER]


def test_titles_are_questions() -> None:
    assert DOCUMENTS
    for file in DOCUMENTS:
        title = repository.text(file).splitlines()[0]
        assert re.fullmatch(r"# .+\?", title), file


def test_the_table_of_costs_is_what_the_command_prints(capsys: pytest.CaptureFixture[str]) -> None:
    assert commands.main(["cost", "--table"]) == 0
    _, begin, rest = repository.text(FOLDER / "deploy-on-aws.md").partition("<!-- cost: begin -->\n")
    held, end, _ = rest.partition("<!-- cost: end -->")
    assert begin
    assert end
    assert held == capsys.readouterr().out, "run `python -m infra cost --table` and put its output there"


def test_every_check_is_explained() -> None:
    rows = re.findall(r"^\| ([^|]+) \|", repository.text(FOLDER / "check-an-aws-account.md"), re.MULTILINE)
    explained = {part.strip() for row in rows for part in row.split(",")}
    assert {name for name, _ in preflight.CHECKS} <= explained


def test_commands_and_their_options_exist(capsys: pytest.CaptureFixture[str]) -> None:
    found = {
        match
        for file in DOCUMENTS
        for match in re.findall(r"python -m infra (\w+)((?: --[\w-]+)*)", repository.text(file))
    }
    assert {command for command, _ in found} >= {"preflight", "cost", "up", "images", "outputs", "destroy"}
    for command, options in found:
        with pytest.raises(SystemExit):
            commands.main([command, "--help"])
        shown = capsys.readouterr().out
        assert all(option in shown for option in options.split()), (command, options)
