"""The real engine with the simulated `aws` provider attached."""

import contextlib
from collections.abc import Generator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from infra.engine import events
from infra.engine.events import Summary
from infra.settings import stack_file
from simulation.aws.computed_outputs import Site
from simulation.aws.provider import Account, serve
from simulation.program_engine import ProgramEngine

# The platform with the objects of its cluster written as files.
RENDERED = Path(__file__).parent / "rendered_platform"
# The engine's notice that it found plinth's language host, which is on PATH, where it looks last.
_FOUND_ON_PATH = "using pulumi-language-python from $PATH"
# The provider's region if the program names none.
REGION = "eu-west-1"


@dataclass(frozen=True, kw_only=True)
class SimulatedEngine(ProgramEngine):
    """An engine that uses the simulated `aws` provider at a port."""

    provider_port: int

    def environment(self) -> dict[str, str]:
        """Return the engine's environment, without anything that could reach a real account."""
        inherited = {key: value for key, value in super().environment().items() if not key.startswith("AWS_")}
        return {
            **inherited,
            "PULUMI_DEBUG_PROVIDERS": f"aws:{self.provider_port}",
            "AWS_EC2_METADATA_DISABLED": "true",
            "PLINTH_RENDERED": str(self.rendered),
        }

    @property
    def rendered(self) -> Path:
        """Folder of the cluster's objects when they are rendered instead of applied."""
        return self.folder / "rendered"

    @property
    def _secrets_provider(self) -> None:
        """No key of a cloud, whatever the stack file names: it would be a call to a real account."""

    def choices(self) -> dict[str, Any]:
        """Return the stack file as the engine reads it."""
        return stack_file.read(self.config_file)

    def choose(self, content: dict[str, Any]) -> None:
        """Write the stack file that the engine reads; the repository's stays as it is."""
        stack_file.write(self.config_file, content)


@dataclass(frozen=True, kw_only=True)
class Run:
    """One run of the engine."""

    command: str
    code: int
    events: tuple[dict[str, Any], ...]
    output: str

    @property
    def summary(self) -> Summary:
        """The run's summary."""
        return events.summarise(self.events)

    @property
    def warnings(self) -> list[str]:
        """Warnings of the engine, the program and providers."""
        diagnostics = [each["diagnosticEvent"] for each in self.events if "diagnosticEvent" in each]
        warnings = [events.clean(each["message"]) for each in diagnostics if each["severity"] == "warning"]
        return [each for each in warnings if _FOUND_ON_PATH not in each]

    @property
    def notices(self) -> list[str]:
        """Messages that are neither errors nor warnings."""
        diagnostics = [each["diagnosticEvent"] for each in self.events if "diagnosticEvent" in each]
        return [events.clean(each["message"]) for each in diagnostics if each["severity"].startswith("info")]


@dataclass(frozen=True, kw_only=True)
class Simulation:
    """A stack, its engine and the simulated account."""

    engine: SimulatedEngine
    account: Account
    runs: list[Run] = field(default_factory=list[Run])

    def run(self, command: str, *arguments: str) -> Run:
        """Run up, preview or destroy to its end."""
        seen: list[dict[str, Any]] = []
        code = self.engine.run(command, *arguments, on_event=seen.append)
        run = Run(command=command, code=code, events=tuple(seen), output=self.engine.output_of(command))
        self.runs.append(run)
        return run

    def run_successfully(self, command: str, *arguments: str) -> Run:
        """Run a command that must succeed.

        Raises:
            AssertionError: it failed; the text holds its errors.
        """
        run = self.run(command, *arguments)
        if run.code != 0:
            raise AssertionError(f"{command} failed: {run.summary.errors or run.output[-2000:]}")
        return run


@contextlib.contextmanager
def simulated(
    stack: str,
    folder: Path,
    *,
    site: Site | None = None,
    kubeconfig: Path | None = None,
    foresees: bool = False,
    program: Path | None = None,
) -> Generator[Simulation]:
    """Run a stack's engine against a simulated account.

    Args:
        stack: name of the file in `stacks/`.
        folder: folder of the engine's state.
        site: region, and the API server that stands for the cluster's.
        kubeconfig: kubeconfig of the Kubernetes provider if the stack names an existing cluster.
        foresees: whether previews get the outputs that AWS would return.
        program: program to run in place of the repository's.
    """
    account = Account()
    port, end = serve(site or Site(region=REGION), account, foresees=foresees)
    try:
        engine = SimulatedEngine(
            stack=stack, folder=folder, kubeconfig=kubeconfig, provider_port=port, program=program
        )
        yield Simulation(engine=engine, account=account)
    finally:
        end()
