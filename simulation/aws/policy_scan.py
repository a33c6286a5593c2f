"""Runs checkov on planned resources; a table lists suppressions with their reasons."""

import hashlib
import json
import os
import subprocess
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from simulation.aws import terraform_plan
from simulation.aws.planned import PlannedResource
from upstream.cache import cache_root

_PROJECT = Path(__file__).parent / "checkov"
SUPPRESSIONS = _PROJECT / "suppressions.toml"
_SECONDS = 300


@dataclass(frozen=True, kw_only=True)
class Suppression:
    """A check that does not apply, and the reason."""

    check: str
    reason: str
    resources: tuple[str, ...] = ()
    """Prefixes of the addresses it applies to; empty for all."""
    stacks: tuple[str, ...] = ()
    """Stacks it applies to; empty for all."""

    def covers(self, check: str, address: str, stack: str) -> bool:
        """Return whether a failed check is suppressed."""
        matches = not self.resources or any(address.startswith(each) for each in self.resources)
        return check == self.check and matches and (not self.stacks or stack in self.stacks)


@dataclass(frozen=True, kw_only=True)
class Failure:
    """A failed check of one resource."""

    check: str
    title: str
    address: str


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """The result of a scan."""

    resources: int
    passed: int
    failed: tuple[Failure, ...]
    suppressed: tuple[tuple[Failure, Suppression], ...]

    def text(self) -> str:
        """Return the verdict as one line."""
        return (
            f"{self.resources} resources, {self.passed} checks passed, {len(self.failed)} failed, "
            f"{len(self.suppressed)} suppressed with a reason"
        )


def suppressions(file: Path = SUPPRESSIONS) -> list[Suppression]:
    """Return the table of suppressions."""
    content = tomllib.loads(file.read_text())
    return [
        Suppression(
            check=each["check"],
            reason=each["reason"],
            resources=tuple(each.get("resources", ())),
            stacks=tuple(each.get("stacks", ())),
        )
        for each in content["suppression"]
    ]


def scan(resources: Sequence[PlannedResource], stack: str, folder: Path) -> Verdict:
    """Scan planned resources; keep the scanned plan in the folder."""
    file = folder / f"plan-{stack}.json"
    file.write_text(json.dumps(terraform_plan.plan(resources), indent=1))
    arguments = [
        "--file",
        str(file),
        "--framework",
        "terraform_plan",
        "--output",
        "json",
        "--quiet",
        "--compact",
    ]
    done = subprocess.run(
        [_program(), *arguments, "--skip-download", "--soft-fail"],
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        check=False,
        # Neither downloads mappings nor reports results.
        env={**os.environ, "BC_SKIP_MAPPING": "TRUE", "CKV_IGNORE_HIDDEN_DIRECTORIES": "False"},
        cwd=folder,
    )
    try:
        report: Any = json.loads(done.stdout)
    except ValueError:
        raise RuntimeError(
            f"checkov: exit {done.returncode}: {done.stderr[-2000:] or done.stdout[-2000:]}"
        ) from None
    return verdict(report[0] if isinstance(report, list) else report, stack, suppressions())


def verdict(report: dict[str, Any], stack: str, table: Sequence[Suppression]) -> Verdict:
    """Return the verdict of a checkov report, with suppressed failures listed separately."""
    summary: dict[str, Any] = report.get("summary", report)
    failed: list[Failure] = []
    suppressed: list[tuple[Failure, Suppression]] = []
    for each in report.get("results", {}).get("failed_checks", []):
        failure = Failure(check=each["check_id"], title=each["check_name"], address=each["resource"])
        reasons = [one for one in table if one.covers(failure.check, failure.address, stack)]
        if reasons:
            suppressed.append((failure, reasons[0]))
        else:
            failed.append(failure)
    return Verdict(
        resources=int(summary.get("resource_count", 0)),
        passed=int(summary.get("passed", 0)),
        failed=tuple(failed),
        suppressed=tuple(suppressed),
    )


def _program() -> str:
    """Return the path of checkov, installed from its lock into the cache."""
    lock = (_PROJECT / "uv.lock").read_bytes()
    environment = cache_root() / "checkov" / hashlib.sha256(lock).hexdigest()[:16]
    program = environment / "bin" / "checkov"
    if not program.is_file():
        uv = cache_root() / "tools" / "bin" / "uv"
        subprocess.run(
            [str(uv), "sync", "--frozen", "--quiet", "--project", str(_PROJECT)],
            env={
                **os.environ,
                "UV_PROJECT_ENVIRONMENT": str(environment),
                "UV_CACHE_DIR": str(cache_root() / "uv"),
            },
            check=True,
            timeout=_SECONDS,
        )
    return str(program)
