"""The Pulumi engine of one stack: its state, passphrase, plugins and environment, and its runs."""

import contextlib
import json
import os
import secrets
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from infra.engine import programs
from infra.engine.lock import EngineLock, has_runner, mark_runner
from infra.engine.run import Run, end_runs
from infra.errors import InfraError, StackInUseError
from infra.parts import SECRET_KEYS
from infra.settings import stack_file
from infra.settings.stack import PROJECT
from upstream.cache import link_atomically

# Every object that Pulumi awaits occupies a slot.
_PARALLEL = 32
_CALL_SECONDS = 120
# Part of an error of Pulumi -> our message; the first that matches wins.
_REMEDIES = {
    "incorrect passphrase": "the passphrase of stack {stack} is wrong: {passphrase}",
    "passphrase must be set": "the passphrase of stack {stack} is missing: {passphrase}",
    "AllowMajorVersionUpgrade flag": "a database of stack {stack} would get a new major version, for good: "
    "take a snapshot, then set plinth:storage.rds.majorUpgrades to true for one `up`",
    "currently locked": "stack {stack} is in use by another run: wait for it, or stop it and try again",
}


@dataclass(frozen=True, kw_only=True)
class Engine:
    """Runs Pulumi for one stack; writes only to its folder."""

    stack: str
    folder: Path
    kubeconfig: Path | None = None
    """Kubeconfig for the Kubernetes provider; required unless the stack creates its cluster."""
    backend: str | None = None
    """URL of the state, such as `s3://BUCKET`; by default the state is in the folder."""
    downloads: bool = False
    """Whether Pulumi may download providers that this repository does not build."""

    @property
    def event_log(self) -> Path:
        """Log of the events of the last up or destroy, one JSON object per line."""
        return self.folder / "events.jsonl"

    @property
    def project(self) -> Path:
        """Project folder with the repository's Pulumi.yaml and the stack file, secrets included."""
        return self.folder / "project"

    @property
    def config_file(self) -> Path:
        """Stack file with settings and secrets, as the engine reads it."""
        return self.project / f"Pulumi.{self.stack}.yaml"

    @property
    def _state(self) -> Path:
        """The state, unless it is in a backend elsewhere."""
        return self.folder / "state/.pulumi/stacks" / PROJECT / f"{self.stack}.json"

    def exists(self) -> bool:
        """Return whether the stack has state."""
        if self.backend is not None:
            self._place_project()
            stacks: list[dict[str, Any]] = json.loads(self._call("stack", "ls", "--json") or "[]")
            return any(each["name"].rpartition("/")[2] == self.stack for each in stacks)
        return self._state.is_file()

    def neighbours(self) -> list[str]:
        """Return the other stacks of the project that have objects in the same folder, so in one cluster."""
        if self.backend is not None:
            return []
        states = sorted(self._state.parent.glob("*.json"))
        return [each.stem for each in states if each != self._state and _resources(each)]

    def prepare(self) -> None:
        """Create everything that a run needs; a second call changes nothing.

        Raises:
            InfraError: a binary is missing, or the passphrase is wrong.
        """
        programs.place_provider(self.folder / "home")
        programs.place_language_host(self.folder / "bin")
        self._disable_debug_log()
        self._place_project()
        self._make_passphrase()
        settings, provider = stack_file.read(stack_file.path(self.stack)), self._secrets_provider
        if not self._has_users_passphrase and provider is None:
            # Whatever another Pulumi encrypted in that file, with its own key, is of no use here.
            settings = stack_file.without_secrets(settings)
        if not self.exists():
            chosen = [] if provider is None else ["--secrets-provider", provider]
            self._call("stack", "init", self.stack, "--no-select", *chosen)
        elif self.backend is None:
            self.heal_lock()
        elif not stack_file.has_key(stack_file.read(self.config_file)):
            # Created on another machine: its key, and secrets of earlier releases, are in the shared state.
            self._call("config", "refresh", "--force", "--stack", self.stack)
        stack_file.write(self.config_file, stack_file.merge(settings, stack_file.read(self.config_file)))

    def run(
        self,
        command: str,
        *arguments: str,
        on_event: Callable[[dict[str, Any]], None],
        seconds: float | None = None,
    ) -> int:
        """Run up, preview or destroy; return its exit code. Writes output and events to the folder.

        After `seconds` the run is interrupted, and fails.
        """
        log = self.event_log if command != "preview" else self.folder / "preview.jsonl"
        argv = [*self._pulumi(), command, "--stack", self.stack, "--non-interactive"]
        argv += ["--parallel", str(_PARALLEL), "--suppress-outputs", *arguments]
        if command != "preview":
            argv += ["--yes", "--skip-preview"]
        run = Run(argv=argv, environment=self.environment(), folder=self.folder, seconds=seconds)
        with (
            mark_runner(self.folder) if command != "preview" else contextlib.nullcontext(),
            (self.folder / f"{command}.log").open("w") as output,
            log.open("w") as written,
            run.started(output) as child,
        ):
            for line in child.lines():
                event: dict[str, Any] = json.loads(line)
                if event.get("diagnosticEvent", {}).get("severity") == "debug":
                    continue
                written.write(line + "\n")
                written.flush()
                on_event(event)
            return child.wait()

    def forget_secrets(self) -> None:
        """Remove secrets of earlier releases from the engine's stack file: the state keeps them now."""
        stack_file.write(
            self.config_file, stack_file.without_secrets(stack_file.read(self.config_file), SECRET_KEYS)
        )

    def resources(self) -> list[dict[str, Any]]:
        """Return all resources of the state, as Pulumi records them; secrets are encrypted."""
        if self.backend is not None:
            table = json.loads(self._call("stack", "export", "--stack", self.stack))["deployment"]
            return (table or {}).get("resources") or []
        return _resources(self._state)

    def output_of(self, command: str) -> str:
        """Return the output of the last run of a command."""
        path = self.folder / f"{command}.log"
        return path.read_text(errors="replace") if path.is_file() else ""

    def outputs(self) -> dict[str, Any]:
        """Return the stack's outputs without the secret ones.

        Raises:
            InfraError: the stack was never installed.
        """
        if not self.exists():
            raise InfraError(
                f"stack {self.stack} is not installed: run `python -m infra up --stack {self.stack}`"
            )
        outputs: dict[str, Any] = json.loads(
            self._call("stack", "output", "--json", "--stack", self.stack) or "{}"
        )
        return {key: value for key, value in outputs.items() if value != "[secret]"}

    def secret_output(self, name: str) -> str | None:
        """Return a secret output of the stack, or None if the stack has no such output."""
        outputs: dict[str, Any] = json.loads(
            self._call("stack", "output", "--json", "--show-secrets", "--stack", self.stack) or "{}"
        )
        return outputs.get(name)

    def remedy(self, text: str) -> str | None:
        """Return a message with the fix for an error of Pulumi that the user can fix, or None."""
        for part, message in _REMEDIES.items():
            if part in text:
                return message.format(stack=self.stack, passphrase=self._passphrase_source())
        return None

    def heal_lock(self) -> None:
        """Remove the stack's lock if its holder is dead; if only its runner was killed, wait for the holder.

        Raises:
            InfraError: the holder is alive, or runs on another machine, where it may be.
        """
        folder = self.folder / "state/.pulumi/locks/organization" / PROJECT / self.stack
        for path in folder.glob("*.json"):
            lock = EngineLock.read(path)
            if lock and lock.may_be_alive and not has_runner(self.folder):
                lock.await_end()
            if lock and lock.may_be_alive:
                raise StackInUseError(
                    f"stack {self.stack} is in use by another run (pid {lock.pid} on {lock.host}, "
                    f"since {lock.since}): wait for it, or stop it and try again"
                )
        if any(folder.glob("*.json")):
            end_runs(self.folder)
            self._call("cancel", "--stack", self.stack, "--yes")

    def environment(self) -> dict[str, str]:
        """Return an environment in which the engine never prompts, nor downloads unless it is allowed to."""
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
            # Enables --event-log.
            "PULUMI_DEBUG_COMMANDS": "true",
            # A field that was changed by hand is taken back; otherwise the API server reports a conflict.
            "PULUMI_K8S_ENABLE_PATCH_FORCE": "true",
            **self._passphrase(),
        }
        if self.kubeconfig is not None:
            own["KUBECONFIG"] = str(self.kubeconfig)
        return {**inherited, **own}

    def _passphrase(self) -> dict[str, str]:
        """Return the variable with the user's passphrase or, by default, the generated passphrase file."""
        given = ("PULUMI_CONFIG_PASSPHRASE", "PULUMI_CONFIG_PASSPHRASE_FILE")
        own = {key: os.environ[key] for key in given if key in os.environ}
        return own or {"PULUMI_CONFIG_PASSPHRASE_FILE": str(self.folder / "passphrase")}

    @property
    def _secrets_provider(self) -> str | None:
        """Key of a cloud or of Vault that the stack file names; by default secrets have a passphrase."""
        name = stack_file.read(stack_file.path(self.stack)).get("secretsprovider")
        return name if isinstance(name, str) and "://" in name else None

    @property
    def _has_users_passphrase(self) -> bool:
        return next(iter(self._passphrase())) in os.environ

    def _passphrase_source(self) -> str:
        key, value = next(iter(self._passphrase().items()))
        if key in os.environ:
            return f"unset {key}, or set it to the passphrase that the stack was created with"
        return f"restore {value}, the file that was created with the stack"

    def _make_passphrase(self) -> None:
        path = self.folder / "passphrase"
        if self._secrets_provider is not None:
            if stack_file.read(self.config_file).get("encryptionsalt"):
                raise InfraError(
                    f"stack {self.stack} was created with a passphrase, but its file names a "
                    "secretsprovider: run `pulumi stack change-secrets-provider`, or remove the line"
                )
            return
        if path.exists() and self.backend is None:
            return
        if self.backend is not None:
            if not self._has_users_passphrase:
                raise InfraError(
                    f"the state of stack {self.stack} is shared in {self.backend}: "
                    "set PULUMI_CONFIG_PASSPHRASE to the passphrase that its users share, or name a "
                    "secretsprovider in the stack file"
                )
            return
        if self.exists():
            if self._has_users_passphrase:
                return
            raise InfraError(f"the passphrase of stack {self.stack} is missing: {self._passphrase_source()}")
        with contextlib.suppress(FileExistsError):
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w") as handle:
                handle.write(secrets.token_hex(32))

    def _disable_debug_log(self) -> None:
        """Disable the engine's debug log, which costs half of its CPU time and 27 MB on the local stack.

        It has no switch (github.com/pulumi/pulumi/pull/23731), but the engine runs without its folder.
        """
        logs = self.folder / "home/logs"
        if not logs.is_symlink():
            shutil.rmtree(logs, ignore_errors=True)
            link_atomically(logs, os.devnull)

    def _place_project(self) -> None:
        """Write Pulumi.yaml with absolute paths, so that generated stack files stay out of the repository."""
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
        program = programs.place_pulumi(self.folder / "bin")
        return [str(program), "--cwd", str(self.project), "--color", "never", "--emoji=false"]

    def _call(self, *arguments: str) -> str:
        """Run a short Pulumi command and return its output."""
        try:
            done = subprocess.run(
                [*self._pulumi(), "--non-interactive", *arguments],
                env=self.environment(),
                input="",
                capture_output=True,
                text=True,
                timeout=_CALL_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise InfraError(
                f"`pulumi {arguments[0]}` of stack {self.stack}: no end after {_CALL_SECONDS} s: try again"
            ) from None
        if done.returncode != 0:
            message = " ".join((done.stderr or done.stdout).split()).removeprefix("error: ")
            raise InfraError(
                self.remedy(message) or f"`pulumi {arguments[0]}` of stack {self.stack}: {message}"
            )
        return done.stdout


def _resources(state: Path) -> list[dict[str, Any]]:
    """Return the resources in a file of the local backend."""
    content: dict[str, Any] = json.loads(state.read_text() or "{}")
    return (content.get("checkpoint", {}).get("latest") or {}).get("resources") or []
