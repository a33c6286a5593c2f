"""Packages whose `__init__` runs only when a name of it is wanted; their modules are imported as ever."""

import importlib
import importlib.util
import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Any


def postpone(name: str) -> None:
    """Put a package in place without running its `__init__`, which imports much that a server never calls.

    `import package.module` runs that module alone. The first use of another name of the `__init__`, also by
    the code of a model, runs all of it, so nobody sees a difference but in memory and time.

    Args:
        name: Dotted name of the package; nothing happens if it is imported already or not installed.
    """
    found = _find(name)
    if name in sys.modules or found is None or found.loader is None:
        return
    package = importlib.util.module_from_spec(found)
    package.__dict__["__getattr__"] = _Names(package, found)
    sys.modules[name] = package


class _Names:
    """What a package looks up a name with that it has not got yet."""

    def __init__(self, package: ModuleType, spec: ModuleSpec) -> None:
        self._package = package
        self._spec = spec
        code: Any = spec.loader.get_code(spec.name)  # pyright: ignore[reportAttributeAccessIssue, reportOptionalMemberAccess]
        # Whoever looks for an object in every loaded module, as pickle does, must not run the package.
        self._own = frozenset(code.co_names)

    def __call__(self, name: str) -> Any:
        """Return what the package has under a name.

        Raises:
            AttributeError: nothing.
        """
        full = f"{self._spec.name}.{name}"
        if not name.startswith("_") and PathFinder.find_spec(full, self._spec.submodule_search_locations):
            return importlib.import_module(full)
        if name not in self._own or "__getattr__" not in self._package.__dict__:
            raise AttributeError(f"module {self._spec.name!r} has no attribute {name!r}")
        del self._package.__dict__["__getattr__"]
        self._spec.loader.exec_module(self._package)  # pyright: ignore[reportOptionalMemberAccess]
        return getattr(self._package, name)


def _find(name: str) -> ModuleSpec | None:
    """Return the spec of a package; its parents are not imported for it."""
    path: Sequence[str] | None = None
    found: ModuleSpec | None = None
    parts = name.split(".")
    for place in range(len(parts)):
        found = PathFinder.find_spec(".".join(parts[: place + 1]), path)
        if found is None or found.submodule_search_locations is None:
            return None
        path = found.submodule_search_locations
    return found
