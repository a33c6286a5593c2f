"""The shape of the code: no cycle of imports, and no folder too large to scan."""

import graphlib
from collections import Counter

import grimp

from tests.contract import repository

_MODULES_PER_FOLDER = 25


def _imports() -> dict[str, set[str]]:
    """Return what each module of the product imports, inside functions and for type checkers too."""
    graph = grimp.build_graph(*repository.PACKAGES, cache_dir=None)
    return {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}


def test_no_modules_import_each_other() -> None:
    imports = _imports()
    assert len(imports) > 250, "the graph is not that of the whole product"
    # Raises CycleError, whose text names the modules of a cycle.
    graphlib.TopologicalSorter(imports).prepare()


def test_no_folder_holds_more_modules_than_a_reader_can_scan() -> None:
    modules = [file for package in repository.PACKAGES for file in repository.modules(package)]
    sizes = Counter(str(file.parent) for file in modules)
    too_large = {folder: size for folder, size in sizes.items() if size > _MODULES_PER_FOLDER}
    assert not too_large, f"make a folder of what belongs together: {too_large}"
