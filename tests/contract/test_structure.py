"""The shape of the code: no circle of imports, and no folder that has to be searched."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

import grimp
import pytest

from tests.contract import repository

_MODULES_PER_FOLDER = 25
# Its modules are one program of the native cluster each, or one way to a cluster. It may not grow.
_LARGER = {"cluster": 30}


def _imports() -> dict[str, set[str]]:
    """Return what each module of the product imports, inside functions too."""
    graph = grimp.build_graph(*repository.PACKAGES, cache_dir=None)
    return {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}


def circles(imports: Mapping[str, Iterable[str]]) -> Iterator[list[str]]:
    """Return groups of modules that import each other, by Tarjan's algorithm."""
    order: dict[str, int] = {}
    lowest: dict[str, int] = {}
    pending: list[str] = []

    def visit(module: str) -> Iterator[list[str]]:
        order[module] = lowest[module] = len(order)
        pending.append(module)
        for target in sorted(imports.get(module, ())):
            if target not in order:
                yield from visit(target)
                lowest[module] = min(lowest[module], lowest[target])
            elif target in pending:
                lowest[module] = min(lowest[module], order[target])
        if lowest[module] == order[module]:
            start = pending.index(module)
            group = pending[start:]
            del pending[start:]
            if len(group) > 1 or module in imports.get(module, ()):
                yield sorted(group)

    for module in sorted(imports):
        if module not in order:
            yield from visit(module)


def test_no_modules_import_each_other() -> None:
    imports = _imports()
    assert len(imports) > 250, "the graph is not that of the whole product"
    found = list(circles(imports))
    assert not found, f"modules that import each other: {found}"


@pytest.mark.parametrize(
    ("imports", "expected"),
    [
        ({"a": ["b"], "b": ["c"], "c": []}, []),
        ({"a": ["b"], "b": ["a"]}, [["a", "b"]]),
        ({"a": ["b"], "b": ["c"], "c": ["d"], "d": ["b"]}, [["b", "c", "d"]]),
        ({"a": ["a"]}, [["a"]]),
        ({"a": ["b", "c"], "b": ["d"], "c": ["d"], "d": []}, []),
    ],
)
def test_a_circle_is_found_with_all_its_modules(
    imports: dict[str, list[str]], expected: list[list[str]]
) -> None:
    assert list(circles(imports)) == expected


def test_no_folder_holds_more_modules_than_a_reader_can_scan() -> None:
    modules = [file for package in repository.PACKAGES for file in repository.modules(package)]
    sizes = Counter(str(file.parent) for file in modules)
    too_large = {
        folder: size for folder, size in sizes.items() if size > _LARGER.get(folder, _MODULES_PER_FOLDER)
    }
    assert not too_large, f"make a folder of what belongs together: {too_large}"
    outgrown = [folder for folder in _LARGER if sizes[folder] <= _MODULES_PER_FOLDER]
    assert not outgrown, f"needs no exception any more: {outgrown}"
