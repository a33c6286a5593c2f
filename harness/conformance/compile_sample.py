"""`python -m harness.conformance.compile_sample FILE PACKAGE [PIPELINE]`: compile it as its author would.

It runs in a process of its own: samples change global state and import each other from their own folder.
"""

import importlib.util
import sys
from pathlib import Path

from kfp import compiler
from kfp.dsl.graph_component import GraphComponent


def main(file: Path, package: Path, name: str = "") -> None:
    """Import a file and compile the named pipeline, by default the last that it defines.

    Raises:
        LookupError: the file defines no such pipeline.
    """
    sys.dont_write_bytecode = True
    sys.path.insert(0, str(file.parent))
    spec = importlib.util.spec_from_file_location(file.stem, file)
    if spec is None or spec.loader is None:
        raise LookupError(f"{file}: not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[file.stem] = module
    spec.loader.exec_module(module)
    pipelines = {key: value for key, value in vars(module).items() if isinstance(value, GraphComponent)}
    if not pipelines or (name and name not in pipelines):
        raise LookupError(f"{file}: no pipeline {name or 'at all'} among {', '.join(pipelines) or 'none'}")
    chosen = pipelines[name] if name else [*pipelines.values()][-1]
    compiler.Compiler().compile(chosen, package_path=str(package))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), *sys.argv[3:])
