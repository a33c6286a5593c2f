"""A simulated account that several commands use one after the other, each a process of its own."""

import json
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from infra import changes
from infra.errors import InfraError
from simulation.aws.computed_outputs import Site
from simulation.aws.provider import Account, serve
from simulation.aws.simulation import REGION, RENDERED, SimulatedEngine

COMMANDS = ("preview", "up", "destroy")
# In an argument of the held command it stands for the account's folder.
FOLDER = "{folder}"


def _port_file(folder: Path) -> Path:
    return folder / "provider-port.json"


def hold(argv: Sequence[str], parent: Path) -> int:
    """Run a command while an empty account exists; it must leave the account empty.

    Args:
        argv: the command; `{folder}` in it becomes the account's folder.
        parent: where the folder is made, and deleted at the end.
    """
    parent.mkdir(parents=True, exist_ok=True)
    account = Account()
    port, end = serve(Site(region=REGION), account)
    try:
        with tempfile.TemporaryDirectory(prefix="account-", dir=parent) as folder:
            _port_file(Path(folder)).write_text(json.dumps(port))
            code = subprocess.run([word.replace(FOLDER, folder) for word in argv], check=False).returncode
    finally:
        end()
    left = sorted(f"{token.rsplit(':', 1)[-1]} {name}" for token, name in account.names)
    if left:
        print(f"the simulated account still has {len(left)} resources: {', '.join(left[:5])}")
        return code or 1
    return code


def run(command: str, stack: str, folder: Path, *arguments: str) -> int:
    """Run the engine on a stack against the account that holds a folder; return the exit code.

    Raises:
        InfraError: no account holds the folder.
    """
    try:
        port: int = json.loads(_port_file(folder).read_text())
    except OSError:
        raise InfraError(
            f"--at {folder}: no simulated account: run the command under `python -m simulation.aws hold`"
        ) from None
    engine = SimulatedEngine(stack=stack, folder=folder / "engine", provider_port=port, program=RENDERED)
    engine.prepare()
    return changes.run_engine(engine, command, *arguments)
