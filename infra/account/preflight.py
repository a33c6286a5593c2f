"""Checks that an AWS account has what a stack needs; only reads, and every failure includes a remedy."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from botocore.exceptions import BotoCoreError, ClientError

from infra.account import capacity, entrance, linked_roles, session, unique_names, versions
from infra.account.demand import Demand
from infra.account.session import Account, Finding, Identity

Check = Callable[[Account, Demand], Iterator[Finding]]


def _administrator(identity: Identity, demand: Demand) -> Finding:
    """Return whether the caller is an administrator: EKS gives the cluster's creator no access."""
    # arn:aws:sts::ACCOUNT:assumed-role/ROLE/SESSION is arn:aws:iam::ACCOUNT:role/PATH/ROLE.
    kind, *names = identity.arn.rpartition(":")[2].split("/")
    role = names[0] if kind == "assumed-role" else names[-1] if names else kind
    wanted = "role" if kind == "assumed-role" else kind
    for arn in demand.administrators:
        resource = arn.rpartition(":")[2].split("/")
        if (resource[0], resource[-1]) == (wanted, role):
            return Finding("administrator", arn, "the credentials belong to it")
    allowed = ", ".join(demand.administrators) or "none"
    remedy = "run `up` as one of them, or add your role or user to plinth:cluster.administrators"
    return Finding(
        "administrator", allowed, "the credentials belong to another identity", remedy, failed=True
    )


def _region(account: Account, demand: Demand) -> Iterator[Finding]:
    region = demand.region
    regions = account.regions.describe_regions(AllRegions=True)["Regions"]
    states = {each.get("RegionName"): each.get("OptInStatus") for each in regions}
    if region not in states:
        yield Finding(
            "region", region, "AWS has no such region", "correct plinth:cluster.region", failed=True
        )
    elif states[region] == "not-opted-in":
        yield Finding(
            "region",
            region,
            "the account has not enabled it",
            f"run `aws account enable-region --region-name {region}`, or choose another region",
            failed=True,
        )
    else:
        yield Finding("region", region, "enabled")


# In the order in which a person would fix them.
CHECKS: tuple[tuple[str, Check], ...] = (
    ("region", _region),
    ("service-linked roles", linked_roles.linked_roles),
    ("zones", capacity.zones),
    ("instance types", capacity.instance_types),
    ("quotas", capacity.vcpu_quotas),
    ("network quotas", capacity.network_quotas),
    ("reservations", capacity.reservations),
    ("Kubernetes version", versions.kubernetes),
    ("add-ons", versions.addons),
    ("machine images", versions.machine_images),
    ("database classes", versions.database_classes),
    ("certificate", entrance.certificate),
    ("image pulls", entrance.image_pulls),
    ("names", unique_names.cluster),
    ("names", unique_names.buckets),
    ("names", unique_names.repositories),
    ("names", unique_names.databases),
    ("names", unique_names.log_groups),
)


@dataclass(frozen=True, kw_only=True)
class Report:
    """Findings, and the names of the checks that did not run."""

    findings: tuple[Finding, ...]
    unchecked: tuple[str, ...] = ()

    @property
    def failures(self) -> tuple[Finding, ...]:
        """Findings that must be fixed before `up`."""
        return tuple(each for each in self.findings if each.failed)


def run(demand: Demand, account: Account) -> Report:
    """Run every check; without valid credentials, only report how to get them."""
    try:
        identity = session.identify(account)
    except session.CredentialsError as error:
        refused = Finding("credentials", "AWS", error.problem, error.remedy, failed=True)
        return Report(findings=(refused,), unchecked=_check_names())
    findings = [Finding("credentials", identity.arn, f"account {identity.account}")]
    if identity.account != demand.account:
        wrong = Finding(
            "account",
            demand.account,
            f"the credentials belong to account {identity.account}",
            "use credentials of the stack's account (AWS_PROFILE), or correct plinth:cluster.account",
            failed=True,
        )
        # Quotas and names of another account would be misleading.
        return Report(findings=(*findings, wrong), unchecked=_check_names())
    findings.append(_administrator(identity, demand))
    for name, check in CHECKS:
        findings += _guarded(name, check, account, demand)
        if name == "region" and findings[-1].failed:
            return Report(findings=tuple(findings), unchecked=_check_names()[1:])
    return Report(findings=tuple(findings))


def _check_names() -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for name, _ in CHECKS))


def _guarded(name: str, check: Check, account: Account, demand: Demand) -> Iterator[Finding]:
    """Yield the findings of a check; a check that AWS does not permit has failed."""
    try:
        yield from check(account, demand)
    except (ClientError, BotoCoreError) as error:
        problem, remedy = session.explain(error)
        yield Finding(name, demand.region, problem, remedy, failed=True)


def table(stack: str, report: Report, title: str = "preflight") -> str:
    """Return the findings as a table, with the remedy below each failure."""
    rows = [("", "check", "subject", "result")]
    rows += [
        ("FAIL" if each.failed else "ok", each.check, each.subject, each.result) for each in report.findings
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    lines = [_row(rows[0], widths)]
    for row, each in zip(rows[1:], report.findings, strict=True):
        lines.append(_row(row, widths))
        if each.failed:
            lines.append(f"{' ' * widths[0]}  -> {each.remedy}")
    if report.unchecked:
        lines.append(f"not checked: {', '.join(report.unchecked)}")
    count = len(report.findings)
    lines.append(f"{title} {stack}: {count} checked, {len(report.failures)} failed")
    return "\n".join(lines)


def _row(row: Iterable[str], widths: list[int]) -> str:
    *cells, last = row
    return "  ".join([*(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)), last]).rstrip()
