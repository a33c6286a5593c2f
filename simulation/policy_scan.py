"""Runs checkov on what a stack plans; tables list suppressions with their reasons."""

import hashlib
import json
import os
import subprocess
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Final

from upstream.cache import cache_root

_PROJECT = Path(__file__).parent / "checkov"
_SECONDS = 300


@dataclass(frozen=True, kw_only=True)
class Suppression:
    """A check that does not apply, and the reason."""

    check: str
    reason: str
    resources: tuple[str, ...] = ("*",)
    """Patterns of the addresses it applies to, where `*` stands for any text; all by default."""
    stacks: tuple[str, ...] = ()
    """Stacks it applies to; empty for all."""

    def covers(self, check: str, address: str, stack: str) -> bool:
        """Return whether a failed check is suppressed."""
        matches = any(fnmatchcase(address, each) for each in self.resources)
        return check == self.check and matches and (not self.stacks or stack in self.stacks)


@dataclass(frozen=True, kw_only=True)
class Format:
    """What a scan reads."""

    framework: str
    """Checkov's name of the format."""
    suffix: str
    """Suffix of its files."""
    table: Path
    """Its suppressions."""

    def suppressions(self) -> list[Suppression]:
        """Return the table of suppressions."""
        return [
            Suppression(
                check=each["check"],
                reason=each["reason"],
                resources=tuple(each.get("resources", ("*",))),
                stacks=tuple(each.get("stacks", ())),
            )
            for each in tomllib.loads(self.table.read_text())["suppression"]
        ]


AWS: Final = Format(framework="terraform_plan", suffix="json", table=_PROJECT / "aws.toml")
"""Resources in AWS, as Terraform's JSON plan."""
KUBERNETES: Final = Format(framework="kubernetes", suffix="yaml", table=_PROJECT / "kubernetes.toml")
"""Objects of a cluster, as YAML."""


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

    def failures(self) -> list[str]:
        """Return what failed without a reason, one line each."""
        return [f"{each.check} {each.title}: {each.address}" for each in self.failed]


def scan(text: str, form: Format, stack: str, folder: Path) -> Verdict:
    """Scan what a stack plans; keep the scanned file in the folder."""
    file = folder / f"{stack}.{form.suffix}"
    file.write_text(text)
    arguments = [
        "--file",
        str(file),
        "--framework",
        form.framework,
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
    return verdict(report[0] if isinstance(report, list) else report, stack, form.suppressions())


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


def needless(table: Sequence[Suppression], verdicts: Mapping[str, Verdict]) -> list[str]:
    """Return the patterns and the stacks of suppressions that nothing needs any more.

    Args:
        table: the suppressions.
        verdicts: the verdict of every scanned stack.
    """
    unused: list[str] = []
    for each in table:
        covered = {
            (stack, failure.address)
            for stack, one in verdicts.items()
            for failure, suppression in one.suppressed
            if suppression == each
        }
        patterns = [
            pattern
            for pattern in each.resources
            if not any(fnmatchcase(address, pattern) for _, address in covered)
        ]
        stacks = sorted({*each.stacks} - {stack for stack, _ in covered})
        unused += [f"{each.check} {one}" for one in (*patterns, *stacks)]
    return unused


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
