"""The engine of one stack: its state, passphrase, plugins and environment, and running it."""

import contextlib
import json
import os
import secrets
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import IO, Any

import yaml

from infra.engine import generated
from infra.engine import lock as engine_lock
from infra.engine.lock import EngineLock
from infra.errors import InfraError
from infra.parts import SECRET_KEYS, SECRETS
from infra.settings import stack_file
from infra.settings.stack import PROJECT
from upstream import build, modules
from upstream.cache import UpstreamError, link_atomically

_SDK = "github.com/pulumi/pulumi/sdk/v3"
_LANGUAGE_HOST = "pulumi-language-python"
_KUBERNETES = "pulumi-resource-kubernetes"
# Every object that is being awaited holds a slot.
_PARALLEL = 32
_POLL_SECONDS = 0.2
# The engine's words -> ours; the first that occurs wins.
_REMEDIES = {
    "incorrect passphrase": "the passphrase of stack {stack} is wrong: {passphrase}",
    "passphrase must be set": "the passphrase of stack {stack} is missing: {passphrase}",
    "currently locked": "stack {stack} is in use by another run: wait for it, or end it and try again",
}


@dataclass(frozen=True, kw_only=True)
class Engine:
    """Runs Pulumi for one stack; everything that it writes lies in its folder."""

    stack: str
    folder: Path
    kubeconfig: Path | None = None
    """What the Kubernetes provider reads; needed by whatever touches a cluster that exists."""
    backend: str | None = None
    """Where the state lies, such as `s3://BUCKET`; without it in the folder."""
    downloads: bool = False
    """Whether the engine may fetch providers that this repository does not build."""

    @property
    def event_log(self) -> Path:
        """The events of the last up or destroy, one JSON object per line."""
        return self.folder / "events.jsonl"

    @property
    def project(self) -> Path:
        """The project folder: Pulumi.yaml of the repository, and the stack file with its secrets."""
        return self.folder / "project"

    @property
    def config_file(self) -> Path:
        """The stack's choices and secrets as the engine reads them."""
        return self.project / f"Pulumi.{self.stack}.yaml"

    def exists(self) -> bool:
        """Return whether the stack has a state."""
        if self.backend is not None:
            self._place_project()
            found: list[dict[str, Any]] = json.loads(self._call("stack", "ls", "--json") or "[]")
            return any(each["name"].rpartition("/")[2] == self.stack for each in found)
        return (self.folder / "state/.pulumi/stacks" / PROJECT / f"{self.stack}.json").is_file()

    def prepare(self) -> None:
        """Put everything in place that a run needs; a second call changes nothing.

        Raises:
            InfraError: a binary is missing, or the passphrase does not fit.
        """
        self._place_plugins()
        self._go_without_debug_log()
        self._place_project()
        self._make_passphrase()
        choices = stack_file.read(stack_file.path(self.stack))
        if not self.exists():
            self._call("stack", "init", self.stack, "--no-select")
        elif self.backend is None:
            self.heal_lock()
        elif stack_file.missing_secrets(stack_file.read(self.config_file), SECRET_KEYS):
            # Made on another machine: its secrets come back from the shared state, never anew.
            self._call("config", "refresh", "--force", "--stack", self.stack)
        stack_file.write(self.config_file, stack_file.merge(choices, stack_file.read(self.config_file)))
        missing = stack_file.missing_secrets(stack_file.read(self.config_file), SECRET_KEYS)
        for key, value in generated.values(SECRETS, missing).items():
            name = f"{PROJECT}:{key}"
            self._call("config", "set", name, "--secret", "--stack", self.stack, text=value)

    def run(self, command: str, *arguments: str, on_event: Callable[[dict[str, Any]], None]) -> int:
        """Run up, preview or destroy; return its exit code. Output and events are kept in the folder."""
        log = self.event_log if command != "preview" else self.folder / "preview.jsonl"
        argv = [*self._pulumi(), command, "--stack", self.stack, "--non-interactive"]
        argv += ["--parallel", str(_PARALLEL), "--suppress-outputs", *arguments]
        if command != "preview":
            argv += ["--yes", "--skip-preview"]
        with (
            engine_lock.running(self.folder) if command != "preview" else contextlib.nullcontext(),
            (self.folder / f"{command}.log").open("w") as output,
            log.open("w") as kept,
            # In memory. Not a file: debug messages of the program hold secrets in clear. Not a pipe: the
            # engine opens it for reading too, and would wait for ever to be read if this process is killed.
            os.fdopen(os.memfd_create("events"), "rb", buffering=0) as events,
            _own_session(argv, self.environment(), output, events.fileno()) as child,
            _interrupts_to(child),
        ):
            for line in _lines(events, child):
                event: dict[str, Any] = json.loads(line)
                if event.get("diagnosticEvent", {}).get("severity") == "debug":
                    continue
                kept.write(line + "\n")
                kept.flush()
                on_event(event)
            return child.wait()

    def output_of(self, command: str) -> str:
        """Return what the last run of a command printed."""
        path = self.folder / f"{command}.log"
        return path.read_text(errors="replace") if path.is_file() else ""

    def outputs(self) -> dict[str, Any]:
        """Return the stack's outputs; secret ones are left out.

        Raises:
            InfraError: the stack was never installed.
        """
        if not self.exists():
            raise InfraError(
                f"stack {self.stack} is not installed: run `python -m infra up --stack {self.stack}`"
            )
        found: dict[str, Any] = json.loads(
            self._call("stack", "output", "--json", "--stack", self.stack) or "{}"
        )
        return {key: value for key, value in found.items() if value != "[secret]"}

    def secret_output(self, name: str) -> str | None:
        """Return one secret output of the stack, or None if it has none of that name."""
        found: dict[str, Any] = json.loads(
            self._call("stack", "output", "--json", "--show-secrets", "--stack", self.stack) or "{}"
        )
        return found.get(name)

    def remedy(self, text: str) -> str | None:
        """Return our words for an error of the engine that people can mend, or None."""
        for sign, words in _REMEDIES.items():
            if sign in text:
                return words.format(stack=self.stack, passphrase=self._passphrase_source())
        return None

    def heal_lock(self) -> None:
        """Remove the stack's lock if its holder is dead; wait for one whose runner was killed.

        Raises:
            InfraError: the holder lives, on this machine or perhaps on another.
        """
        folder = self.folder / "state/.pulumi/locks/organization" / PROJECT / self.stack
        for path in folder.glob("*.json"):
            lock = EngineLock.read(path)
            if lock and lock.may_be_alive and not engine_lock.has_runner(self.folder):
                lock.await_end()
            if lock and lock.may_be_alive:
                raise InfraError(
                    f"stack {self.stack} is in use by another run (pid {lock.pid} on {lock.host}, "
                    f"since {lock.since}): wait for it, or end it and try again"
                )
        if any(folder.glob("*.json")):
            self._call("cancel", "--stack", self.stack, "--yes")

    def environment(self) -> dict[str, str]:
        """Return the environment in which the engine neither asks nor downloads anything."""
        folder = self.folder
        inherited = {
            key: value for key, value in os.environ.items() if not key.startswith(("PULUMI_", "KUBECONFIG"))
        }
        if self.backend is not None and (token := os.environ.get("PULUMI_ACCESS_TOKEN")):
            inherited["PULUMI_ACCESS_TOKEN"] = token
        own = {
            "PATH": f"{folder / 'bin'}:{os.environ.get('PATH', '')}",
            "PULUMI_HOME": str(folder / "home"),
            "PULUMI_BACKEND_URL": self.backend or f"file://{folder / 'state'}",
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": str(not self.downloads).lower(),
            "PULUMI_DISABLE_REGISTRY_RESOLVE": "true",
            "PULUMI_ERROR_OUTPUT_STRING": "true",
            # Shows --event-log.
            "PULUMI_DEBUG_COMMANDS": "true",
            **self._passphrase(),
        }
        if self.kubeconfig is not None:
            own["KUBECONFIG"] = str(self.kubeconfig)
        return {**inherited, **own}

    def _passphrase(self) -> dict[str, str]:
        """Return the passphrase's variable: the user's own, else the generated file."""
        given = ("PULUMI_CONFIG_PASSPHRASE", "PULUMI_CONFIG_PASSPHRASE_FILE")
        own = {key: os.environ[key] for key in given if key in os.environ}
        return own or {"PULUMI_CONFIG_PASSPHRASE_FILE": str(self.folder / "passphrase")}

    def _passphrase_source(self) -> str:
        key, value = next(iter(self._passphrase().items()))
        if key in os.environ:
            return f"unset {key}, or set it to the passphrase that the stack was made with"
        return f"restore {value}, the file that was made with the stack"

    def _make_passphrase(self) -> None:
        path = self.folder / "passphrase"
        if path.exists() and self.backend is None:
            return
        if self.backend is not None:
            if next(iter(self._passphrase())) not in os.environ:
                raise InfraError(
                    f"the state of stack {self.stack} is shared in {self.backend}: "
                    "set PULUMI_CONFIG_PASSPHRASE to the passphrase of all who use it"
                )
            return
        if self.exists():
            if next(iter(self._passphrase())) in os.environ:
                return
            raise InfraError(f"the passphrase of stack {self.stack} is missing: {self._passphrase_source()}")
        with contextlib.suppress(FileExistsError):
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w") as handle:
                handle.write(secrets.token_hex(32))

    def _place_plugins(self) -> None:
        """Link the provider where the engine looks; make a language host if there is none on PATH."""
        provider = _binary(_KUBERNETES)
        plugin = (
            self.folder
            / "home/plugins"
            / f"resource-kubernetes-v{version('pulumi-kubernetes')}"
            / _KUBERNETES
        )
        link_atomically(plugin, provider)
        launcher = self.folder / "bin" / _LANGUAGE_HOST
        launcher.parent.mkdir(parents=True, exist_ok=True)
        if shutil.which(_LANGUAGE_HOST) is not None:
            launcher.unlink(missing_ok=True)
            return
        try:
            executor = modules.module_dir("pulumi", _SDK) / "python/cmd/pulumi-language-python-exec"
        except UpstreamError as error:
            raise InfraError(str(error)) from None
        words = [sys.executable, "-m", "infra.engine.language_host", str(executor)]
        launcher.write_text(f'#!/bin/sh\nexec {shlex.join(words)} "$@"\n')
        launcher.chmod(0o755)

    def _go_without_debug_log(self) -> None:
        """Spare the engine's debug log of each run: half of its CPU time, and 27 MB on the local stack.

        It has no switch (github.com/pulumi/pulumi/pull/23731), but the engine goes on without its folder.
        """
        logs = self.folder / "home/logs"
        if not logs.is_symlink():
            shutil.rmtree(logs, ignore_errors=True)
            link_atomically(logs, os.devnull)

    def _place_project(self) -> None:
        """Write Pulumi.yaml with absolute paths, so that generated stack files lie outside the repository."""
        content: dict[str, Any] = yaml.safe_load((stack_file.REPOSITORY / "Pulumi.yaml").read_text())
        content["main"] = str(stack_file.REPOSITORY / content["main"])
        content["runtime"]["options"]["virtualenv"] = sys.prefix
        del content["stackConfigDir"]
        for folder in (self.project, self.folder / "state"):
            folder.mkdir(parents=True, exist_ok=True)
        self.folder.chmod(0o700)
        (self.project / "Pulumi.yaml").write_text(yaml.safe_dump(content, sort_keys=False))
        if not self.config_file.exists():
            self.config_file.write_text("config: {}\n")

    def _pulumi(self) -> list[str]:
        return [str(_binary("pulumi")), "--cwd", str(self.project), "--color", "never", "--emoji=false"]

    def _call(self, *arguments: str, text: str | None = None) -> str:
        """Run a short command and return its output; `text` goes to its standard input."""
        done = subprocess.run(
            [*self._pulumi(), "--non-interactive", *arguments],
            env=self.environment(),
            input=text or "",
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        if done.returncode != 0:
            said = " ".join((done.stderr or done.stdout).split()).removeprefix("error: ")
            raise InfraError(self.remedy(said) or f"`pulumi {arguments[0]}` of stack {self.stack}: {said}")
        return done.stdout


def _binary(program: str) -> Path:
    try:
        return build.binary(program)
    except UpstreamError as error:
        raise InfraError(str(error)) from None


@contextlib.contextmanager
def _own_session(
    argv: list[str], env: dict[str, str], output: IO[str], events: int
) -> Generator[subprocess.Popen[bytes]]:
    """Run the engine in a session of its own: an interrupt reaches it once, and nothing outlives it.

    It ends with us: the kernel sends it SIGTERM when this process dies.
    """
    child = subprocess.Popen(
        ["setpriv", "--pdeathsig", "TERM", *argv, "--event-log", f"/dev/fd/{events}"],
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        pass_fds=[events],
    )
    try:
        yield child
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()


@contextlib.contextmanager
def _interrupts_to(child: subprocess.Popen[bytes]) -> Generator[None]:
    """Pass interrupts on: operations in flight are finished and recorded; a second one ends it at once.

    Raises:
        KeyboardInterrupt: there was one, and the engine has ended.
    """
    seen: list[int] = []

    def forward(number: int, _frame: object) -> None:
        seen.append(number)
        child.send_signal(signal.SIGINT)

    signals = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.signal(number, forward) for number in signals}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if seen:
        raise KeyboardInterrupt


def _lines(events: IO[bytes], child: subprocess.Popen[bytes]) -> Iterator[str]:
    """Return the whole lines of a file that a child writes, until the child has ended."""
    rest = b""
    while True:
        ended = child.poll() is not None
        chunk = events.read(1 << 20)
        if chunk:
            *whole, rest = (rest + chunk).split(b"\n")
            yield from (line.decode() for line in whole if line.strip())
        elif ended:
            return
        else:
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(timeout=_POLL_SECONDS)
