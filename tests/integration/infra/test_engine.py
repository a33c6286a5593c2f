"""The real engine, language host and provider without a cluster: errors are reported in one line."""

import hashlib
import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from infra import changes
from infra.engine import events
from infra.engine.engine import Engine
from infra.errors import InfraError
from infra.parts import SECRET_KEYS, SECRETS
from infra.settings import stack_file
from simulation.program_engine import ProgramEngine
from workloads.wait import wait_for

# Program that the engine runs instead of the platform; it waits for a file, so that a test can kill it.
PROGRAM = """
import hashlib, pathlib, time
import pulumi
from infra.settings import reader
reader.load()
pathlib.Path("started").touch()
deadline = time.monotonic() + 60
while not pathlib.Path("go").exists() and time.monotonic() < deadline:
    # More than an unread pipe holds.
    pulumi.log.info(100_000 * "x")
    time.sleep(0.1)
class Thing(pulumi.ComponentResource):
    def __init__(self):
        super().__init__("plinth:index:Thing", "thing")
        self.register_outputs({})
Thing()
# Imported last: with the SDK of Kubernetes it takes seconds, for which no test should wait.
from infra import assembly
from infra.parts import SECRET_KEYS, SECRETS
for key, value in assembly.keep_secrets(SECRETS, reader.secrets(SECRET_KEYS)).items():
    # Secret, so never shown: a fingerprint tells whether two values are the same.
    known = pulumi.Output.unsecret(value)
    pulumi.export(key, known.apply(lambda text: hashlib.sha256(text.encode()).hexdigest()))
pulumi.export("answer", 42)
pulumi.export("hidden", pulumi.Output.secret("never shown"))
"""

RUNNER = """
import sys
from pathlib import Path
from infra.engine.engine import Engine
sys.exit(Engine(stack="local", folder=Path(sys.argv[1])).run("up", on_event=lambda _: None))
"""


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Engine:
    for key in ("PULUMI_CONFIG_PASSPHRASE", "PULUMI_CONFIG_PASSPHRASE_FILE"):
        monkeypatch.delenv(key, raising=False)
    program = tmp_path / "program"
    program.mkdir()
    (program / "__main__.py").write_text(PROGRAM)
    (program / "go").touch()
    return ProgramEngine(stack="local", folder=tmp_path / "engine", program=program)


def run(engine: Engine, command: str, *arguments: str) -> tuple[int, events.Summary]:
    seen: list[dict[str, Any]] = []
    code = engine.run(command, *arguments, on_event=seen.append)
    return code, events.summarise(seen)


def test_a_stack_is_installed_read_left_alone_and_destroyed(engine: Engine) -> None:
    engine.prepare()
    code, summary = run(engine, "up")
    assert code == 0, engine.output_of("up")
    assert summary.finished
    created = 3 + len(SECRETS)
    assert summary.changes.get("create") == created
    assert engine.outputs() == {"answer": 42, **fingerprints(engine)}
    code, summary = run(engine, "up", "--expect-no-changes")
    assert code == 0
    assert summary.changed == 0
    code, summary = run(engine, "destroy")
    assert code == 0
    assert summary.changes == {"delete": created}
    assert not (engine.folder / "home/logs").is_dir(), "the engine created a folder for its debug log"


def test_secrets_are_in_no_file_in_plain_text(engine: Engine) -> None:
    engine.prepare()
    assert run(engine, "up")[0] == 0
    assert fingerprints(engine)
    programs = engine.folder / "bin"
    for path in engine.folder.rglob("*"):
        if path.is_file() and not path.is_symlink() and programs not in path.parents:
            content = path.read_bytes()
            assert b"never shown" not in content, path
            assert b"PRIVATE KEY" not in content, path


def test_secrets_stay_the_same_until_one_is_rotated(engine: Engine) -> None:
    engine.prepare()
    assert run(engine, "up")[0] == 0
    first = fingerprints(engine)
    assert sorted(first) == sorted(SECRET_KEYS)
    assert len(set(first.values())) == len(first)
    assert run(engine, "up")[0] == 0
    assert fingerprints(engine) == first
    for secret in SECRETS[0], next(each for each in SECRETS if len(each.keys) == 3):
        urn = changes.secret_urn("local", secret.name)
        assert urn in {each["urn"] for each in engine.resources()}
        assert run(engine, "up", "--replace", urn)[0] == 0
        second = fingerprints(engine)
        assert {key for key in first if first[key] != second[key]} == set(secret.keys)
        first = second


def test_secrets_that_an_earlier_release_generated_are_adopted(engine: Engine) -> None:
    engine.prepare()
    for key in SECRET_KEYS:
        engine._call("config", "set", f"plinth:{key}", f"old {key}", "--secret", "--stack", "local")
    assert run(engine, "up")[0] == 0
    expected = {key: hashlib.sha256(f"old {key}".encode()).hexdigest() for key in SECRET_KEYS}
    assert fingerprints(engine) == expected
    engine.forget_secrets()
    engine.prepare()
    code, summary = run(engine, "up", "--expect-no-changes")
    assert code == 0, summary
    assert fingerprints(engine) == expected


def test_a_wrong_passphrase_is_one_line(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    engine.prepare()
    monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE", "wrong")
    code, _ = run(engine, "up")
    assert code != 0
    problem = engine.remedy(engine.output_of("up"))
    assert problem is not None
    assert problem.startswith("the passphrase of stack local is wrong: unset PULUMI_CONFIG_PASSPHRASE")


def test_a_wrong_setting_is_shown_without_a_traceback(engine: Engine) -> None:
    engine.prepare()
    content = stack_file.read(engine.config_file)
    content["config"]["plinth:gateway"] = {"port": 1}
    stack_file.write(engine.config_file, content)
    code, summary = run(engine, "preview")
    assert code != 0
    assert any("plinth:gateway.port is not a setting" in error for error in summary.errors), summary.errors
    assert "Traceback" not in engine.output_of("preview")


def test_after_a_kill_the_next_run_continues(engine: Engine, tmp_path: Path) -> None:
    engine.prepare()
    (tmp_path / "program" / "go").unlink()
    with subprocess.Popen(
        [sys.executable, "-c", RUNNER, str(engine.folder)], start_new_session=True
    ) as process:
        appeared(tmp_path / "program" / "started")
        with pytest.raises(InfraError, match="stack local is in use by another run"):
            engine.prepare()
        holder = lock_holder(engine)
        # Kill the engine itself, which leaves its lock behind.
        process.send_signal(signal.SIGSTOP)
        subprocess.run(["kill", "-KILL", str(holder)], check=True)
        process.send_signal(signal.SIGCONT)
        process.wait(timeout=30)
    assert lock_files(engine)
    (tmp_path / "program" / "go").touch()
    engine.prepare()
    assert not lock_files(engine)
    code, summary = run(engine, "up")
    assert code == 0, engine.output_of("up")
    assert summary.finished


def test_an_engine_whose_runner_is_killed_exits_and_the_next_run_waits_for_it(
    engine: Engine, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    engine.prepare()
    (tmp_path / "program" / "go").unlink()
    with subprocess.Popen([sys.executable, "-c", RUNNER, str(engine.folder)]) as process:
        appeared(tmp_path / "program" / "started")
        holder = lock_holder(engine)
        process.kill()
    (tmp_path / "program" / "go").touch()
    # Raises if the engine is still alive after ENDING_SECONDS.
    engine.prepare()
    assert f"waiting for its engine to exit (pid {holder})" in capsys.readouterr().err
    assert not lock_files(engine)
    assert run(engine, "up")[0] == 0


def test_an_interrupt_reaches_the_engine_and_leaves_no_lock(engine: Engine, tmp_path: Path) -> None:
    engine.prepare()
    (tmp_path / "program" / "go").unlink()
    with subprocess.Popen(
        [sys.executable, "-c", RUNNER, str(engine.folder)], stderr=subprocess.DEVNULL
    ) as process:
        appeared(tmp_path / "program" / "started")
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=60) != 0
    assert not lock_files(engine)
    (tmp_path / "program" / "go").touch()
    assert run(engine, "up")[0] == 0


def fingerprints(engine: Engine) -> dict[str, str]:
    """Return the fingerprint of every secret's value, by its key."""
    return {key: value for key, value in engine.outputs().items() if key in SECRET_KEYS}


def lock_files(engine: Engine) -> list[Path]:
    return [path for path in (engine.folder / "state/.pulumi/locks").rglob("*.json") if path.is_file()]


def lock_holder(engine: Engine) -> int:
    (path,) = lock_files(engine)
    return int(json.loads(path.read_text())["pid"])


def appeared(path: Path) -> None:
    wait_for(
        str(path), lambda: None if path.exists() else "not there", timeout_seconds=60, interval_seconds=0.1
    )
