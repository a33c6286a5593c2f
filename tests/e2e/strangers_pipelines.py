"""Pipelines of people who never heard of the platform: kfp alone, and nothing of the platform's."""

# kfp's types do not say that a component takes its function's parameters and has outputs.
# pyright: reportCallIssue=false, reportAttributeAccessIssue=false, reportUntypedFunctionDecorator=false
# pyright: reportArgumentType=false, reportReturnType=false, reportMissingTypeArgument=false
# pyright: reportUnknownParameterType=false, reportUnknownVariableType=false

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, List  # noqa: UP035  # kfp knows List[List[str]] alone

from kfp import dsl, kubernetes

from tests.e2e import stranger
from workloads.endpoints import Endpoints
from workloads.wait import wait

_ENDED = {"SUCCEEDED", "FAILED", "CANCELED", "SKIPPED"}
_NOWHERE = "plinth.example/no-such-image:1"
PACKAGE = "humanize==4.9.0"
NO_PACKAGE = "no-such-package-of-plinth"
NO_SECRET = "no-such-secret-of-plinth"
NO_CLASS = "no-such-class-of-plinth"


@dsl.component
def add(a: int, b: int) -> int:
    """Run in the image and with the first step that kfp gives a component without arguments."""
    return a + b


@dsl.component(base_image="python:3.11-slim", packages_to_install=[PACKAGE])
def with_package() -> str:
    """Import a package that no image holds."""
    import humanize  # pyright: ignore[reportMissingImports]

    return humanize.intcomma(1234567)


@dsl.component(base_image="python:3.13", packages_to_install=[NO_PACKAGE])
def without_package() -> int:
    """Never run."""
    return 1


@dsl.component(base_image=_NOWHERE)
def without_image() -> int:
    """Never run."""
    return 1


@dsl.component
def now() -> float:
    """Return the time in seconds."""
    import time

    return time.time()


@dsl.component
def later(than: float) -> str:
    """Fail for 40 seconds, as a service that is still starting does."""
    import time

    if time.time() < than + 40:
        raise RuntimeError("not yet")
    return "in the end"


@dsl.component
def must_be(found: str, wanted: str) -> None:
    """Fail unless both are equal."""
    if found != wanted:
        raise ValueError(f"{found!r} instead of {wanted!r}")


@dsl.component
def twice(text: str) -> str:
    """Repeat a text."""
    return text + text


@dsl.component
def joined(lists: List[List[str]]) -> str:  # noqa: UP006
    """Return lists as one text."""
    return "; ".join(",".join(each) for each in lists)


@dsl.component
def note(text: str, file: dsl.Output[dsl.Artifact]) -> None:
    """Write a text into an artifact."""
    from pathlib import Path

    Path(file.path).write_text(text)


@dsl.component
def contents(notes: List[dsl.Artifact]) -> str:  # noqa: UP006
    """Return the texts of artifacts as one."""
    from pathlib import Path

    return ",".join(Path(each.path).read_text() for each in notes)


@dsl.component
def file_must_be(file: dsl.Input[dsl.Artifact], wanted: str) -> None:
    """Fail unless an artifact holds a text."""
    from pathlib import Path

    if Path(file.path).read_text() != wanted:
        raise ValueError(f"{Path(file.path).read_text()!r} instead of {wanted!r}")


@dsl.component
def write(path: str) -> None:
    """Leave a note on a volume."""
    from pathlib import Path

    Path(path, "note.txt").write_text("kept")


@dsl.component
def read(path: str) -> str:
    """Return the note."""
    from pathlib import Path

    return Path(path, "note.txt").read_text()


@dsl.component
def not_a_number(metrics: dsl.Output[dsl.Metrics]) -> None:
    """Log what a diverged training logs."""
    metrics.log_metric("loss", float("nan"))


@dsl.component
def hungry() -> int:
    """Take more memory than the step may have."""
    return len(bytearray(512 * 1024 * 1024))


@dsl.component
def greedy() -> int:
    """Take more memory than any step gets that names no limit."""
    return len(bytearray(6 * 1024**3))


@dsl.component
def forking() -> int:
    """Start processes without end."""
    import subprocess

    # They end before others notice them, and do not hold the log of their step open.
    log = subprocess.DEVNULL
    return len([subprocess.Popen(["sleep", "30"], stdout=log, stderr=log) for _ in range(10_000)])


@dsl.pipeline(name="stock-component")
def stock() -> None:
    """Chain two components."""
    add(a=add(a=1, b=2).output, b=3)


@dsl.pipeline(name="package")
def package() -> None:
    """Install a package."""
    must_be(found=with_package().output, wanted="1,234,567")


@dsl.pipeline(name="no-package")
def no_package() -> None:
    """Install a package that does not exist."""
    without_package()


@dsl.pipeline(name="no-image")
def no_image() -> None:
    """Name an image that does not exist."""
    without_image()


@dsl.pipeline(name="volume")
def volume() -> None:
    """Hand a volume from one step to the next."""
    claim: Any = kubernetes.CreatePVC(pvc_name_suffix="-note", access_modes=["ReadWriteOnce"], size="16Mi")
    name = claim.outputs["name"]
    wrote: Any = write(path="/data")
    kubernetes.mount_pvc(wrote, pvc_name=name, mount_path="/data")
    got: Any = read(path="/data").after(wrote)
    kubernetes.mount_pvc(got, pvc_name=name, mount_path="/data")
    must_be(found=got.output, wanted="kept")
    kubernetes.DeletePVC(pvc_name=name).after(got)


@dsl.pipeline(name="inner")
def inner(notes: List[dsl.Artifact]) -> str:  # noqa: UP006
    """Take a list of artifacts."""
    return contents(notes=notes).output


@dsl.pipeline(name="loops")
def loops(
    rows: list = [  # noqa: B006  # kfp reads the default value from the signature
        {"title": "a", "numbers": ["1", "2"]},
        {"title": "b", "numbers": ["3"]},
    ],
) -> None:
    """Loop in a loop, over a field and over the list of the outer one, and collect what both put out."""
    with dsl.ParallelFor(rows) as row:
        with dsl.ParallelFor(row.numbers) as number:
            every = twice(text=number)
            noted = note(text=row.title)
            with dsl.If(number != "2"):
                some = twice(text=number)
        with dsl.ParallelFor(rows) as other:
            titles = twice(text=other.title)
    must_be(found=joined(lists=dsl.Collected(every.output)).output, wanted="11,22; 33")
    must_be(found=joined(lists=dsl.Collected(some.output)).output, wanted="11; 33")
    must_be(found=joined(lists=dsl.Collected(titles.output)).output, wanted="aa,bb; aa,bb")
    must_be(found=inner(notes=dsl.Collected(noted.outputs["file"])).output, wanted="a,a,b")


@dsl.pipeline(name="retries")
def retries() -> None:
    """Try a step again until it succeeds, each time after a longer wait."""
    task: Any = later(than=now().output)
    task.set_retry(num_retries=9, backoff_duration="2s", backoff_factor=1.5)
    must_be(found=task.output, wanted="in the end")


@dsl.pipeline(name="branches")
def branches() -> None:
    """Take the artifact of the branch that runs, the first one and the last one."""
    for wanted in ("aa", "bb"):
        doubled = twice(text=wanted[0])
        with dsl.If(doubled.output == "aa"):
            first = note(text="aa")
        with dsl.Else():
            last = note(text="bb")
        file_must_be(file=dsl.OneOf(first.outputs["file"], last.outputs["file"]), wanted=wanted)
    # As before: every step of the branch comes from the cache.
    with dsl.If(doubled.output == "bb"):
        same = twice(text="b")
    with dsl.Else():
        other = twice(text="a")
    must_be(found=dsl.OneOf(same.output, other.output), wanted="bb")


@dsl.pipeline(name="not-a-number")
def nan_metric() -> None:
    """Log a metric that is not a number."""
    not_a_number()


@dsl.pipeline(name="hungry")
def out_of_memory() -> None:
    """Take too much memory."""
    task: Any = hungry()
    task.set_memory_limit("128Mi")


@dsl.pipeline(name="greedy")
def no_limit() -> None:
    """Take too much memory, and name no limit."""
    greedy()


@dsl.pipeline(name="forking")
def fork_bomb() -> None:
    """Take too many processes."""
    forking()


@dsl.pipeline(name="gpu")
def gpu() -> None:
    """Ask for a GPU."""
    task: Any = add(a=1, b=2)
    task.set_accelerator_type("nvidia.com/gpu").set_accelerator_limit(1)


@dsl.pipeline(name="no-secret")
def no_secret() -> None:
    """Mount a Secret that does not exist."""
    task: Any = add(a=1, b=2)
    kubernetes.use_secret_as_volume(task, NO_SECRET, mount_path="/secret")


@dsl.pipeline(name="no-storage")
def no_storage() -> None:
    """Mount a volume that nobody can provision."""
    claim: Any = kubernetes.CreatePVC(
        pvc_name_suffix="-none", access_modes=["ReadWriteOnce"], size="16Mi", storage_class_name=NO_CLASS
    )
    task: Any = write(path="/data")
    kubernetes.mount_pvc(task, pvc_name=claim.outputs["name"], mount_path="/data")


@dataclass(frozen=True, kw_only=True)
class Stranger:
    """Somebody with a stock client, the host and the gateway."""

    endpoints: Endpoints

    @property
    def client(self) -> Any:
        """Their client."""
        return stranger.pipelines_client(self.endpoints)

    def start(self, pipeline: Callable[..., Any]) -> str:
        """Start a run without the cache; return its id."""
        made = self.client.create_run_from_pipeline_func(pipeline, arguments={}, enable_caching=False)
        return str(made.run_id)

    def wait(self, run_id: str, until: Callable[[Any], bool], *, timeout_seconds: float) -> Any:
        """Return the run as the API tells it once it is as wanted."""
        client = self.client
        return wait(
            f"run {run_id}",
            lambda: client.get_run(run_id),
            ready=until,
            describe=lambda run: f"{run.state}: {run.error and run.error.message}",
            timeout_seconds=timeout_seconds,
            interval_seconds=3,
        )

    def ended(self, run_id: str, *, timeout_seconds: float = 420) -> Any:
        """Return the run once it has ended."""
        return self.wait(run_id, lambda run: run.state in _ENDED, timeout_seconds=timeout_seconds)

    def says(self, run_id: str, *, timeout_seconds: float = 300) -> Any:
        """Return the run once it has ended or says why it waits."""

        def told(run: Any) -> bool:
            return run.state in _ENDED or bool(run.error and run.error.message)

        return self.wait(run_id, told, timeout_seconds=timeout_seconds)
