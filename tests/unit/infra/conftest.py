"""An AWS account that moto simulates, and a process that looks like the engine."""

import subprocess
import sys
from collections.abc import Generator
from pathlib import Path

import pytest
from moto import mock_aws

from harness import processes
from infra.account import session
from infra.account.session import Account


@pytest.fixture
def no_credentials(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Hide the credentials of this machine."""
    for name in ("AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


@pytest.fixture(scope="session")
def clients() -> Account:
    """Give clients of us-east-1; creating them takes a second, and they have no state."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("AWS_PROFILE", raising=False)
        patch.setenv("AWS_ACCESS_KEY_ID", "test")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "test")
        return session.connect("us-east-1")


@pytest.fixture
def account(clients: Account) -> Generator[Account]:
    """Give a simulated account that is empty except for its default VPC."""
    with mock_aws():
        yield clients


@pytest.fixture
def live_engine() -> Generator[subprocess.Popen[bytes]]:
    """Give a process that looks like Pulumi and exits at the end of its input."""
    with processes.started([sys.executable, "-c", "import sys; sys.stdin.read()", "pulumi"]) as process:
        yield process
