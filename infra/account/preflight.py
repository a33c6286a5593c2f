"""Whether an AWS account has what a stack asks for: every check is a read, every failure names a remedy."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from botocore.exceptions import BotoCoreError, ClientError

from infra.account import capacity, session, versions
from infra.account import names as preflight_names
from infra.account.demand import Demand
from infra.account.finding import Finding
from infra.account.session import Account, Identity

Check = Callable[[Account, Demand], Iterator[Finding]]


def _administrator(identity: Identity, demand: Demand) -> Finding:
    """Return whether who asks may also use the cluster: EKS lets nobody in for having made it."""
    # arn:aws:sts::ACCOUNT:assumed-role/ROLE/SESSION is arn:aws:iam::ACCOUNT:role/PATH/ROLE.
    kind, *names = identity.arn.rpartition(":")[2].split("/")
    role = names[0] if kind == "assumed-role" else names[-1] if names else kind
    wanted = "role" if kind == "assumed-role" else kind
    for arn in demand.administrators:
        resource = arn.rpartition(":")[2].split("/")
        if (resource[0], resource[-1]) == (wanted, role):
            return Finding("administrator", arn, "the credentials are its own")
    who = ", ".join(demand.administrators) or "nobody"
    remedy = "run `up` as one of them, or add yours to plinth:cluster.administrators"
    return Finding("administrator", who, "the credentials are of someone else", remedy, failed=True)


def _region(account: Account, demand: Demand) -> Iterator[Finding]:
    region = demand.region
    found = account.regions.describe_regions(AllRegions=True)["Regions"]
    states = {each.get("RegionName"): each.get("OptInStatus") for each in found}
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


# In the order in which a person would mend them.
CHECKS: tuple[tuple[str, Check], ...] = (
    ("region", _region),
    ("zones", capacity.zones),
    ("instance types", capacity.instance_types),
    ("quotas", capacity.vcpu_quotas),
    ("network quotas", capacity.network_quotas),
    ("reservations", capacity.reservations),
    ("Kubernetes version", versions.kubernetes),
    ("add-ons", versions.addons),
    ("machine images", versions.machine_images),
    ("database classes", versions.database_classes),
    ("names", preflight_names.cluster),
    ("names", preflight_names.buckets),
    ("names", preflight_names.repositories),
    ("names", preflight_names.log_groups),
)


@dataclass(frozen=True, kw_only=True)
class Report:
    """What was found, and what nobody could look at."""

    findings: tuple[Finding, ...]
    unchecked: tuple[str, ...] = ()

    @property
    def failures(self) -> tuple[Finding, ...]:
        """Return what must be mended."""
        return tuple(each for each in self.findings if each.failed)


def run(demand: Demand, account: Account) -> Report:
    """Make every check; without credentials only say how to get them."""
    try:
        identity = session.identify(account)
    except session.CredentialsError as error:
        found = Finding("credentials", "AWS", error.problem, error.remedy, failed=True)
        return Report(findings=(found,), unchecked=_names())
    found = [Finding("credentials", identity.arn, f"account {identity.account}")]
    if identity.account != demand.account:
        wrong = Finding(
            "account",
            demand.account,
            f"the credentials are of account {identity.account}",
            "use those of the stack's account (AWS_PROFILE), or correct plinth:cluster.account",
            failed=True,
        )
        # Quotas and names of another account would only mislead.
        return Report(findings=(*found, wrong), unchecked=_names())
    found.append(_administrator(identity, demand))
    for name, check in CHECKS:
        found += _guarded(name, check, account, demand)
        if name == "region" and found[-1].failed:
            return Report(findings=tuple(found), unchecked=_names()[1:])
    return Report(findings=tuple(found))


def _names() -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for name, _ in CHECKS))


def _guarded(name: str, check: Check, account: Account, demand: Demand) -> Iterator[Finding]:
    """Yield what a check finds; one that AWS does not let us make has failed."""
    try:
        yield from check(account, demand)
    except (ClientError, BotoCoreError) as error:
        what, remedy = session.explain(error)
        yield Finding(name, demand.region, what, remedy, failed=True)


def table(stack: str, report: Report) -> str:
    """Return the findings as a person reads them, failures with their remedies."""
    rows = [("", "check", "of", "found")]
    rows += [
        ("FAIL" if each.failed else "ok", each.check, each.subject, each.found) for each in report.findings
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
    lines.append(f"preflight {stack}: {count} checked, {len(report.failures)} failed")
    return "\n".join(lines)


def _row(row: Iterable[str], widths: list[int]) -> str:
    *cells, last = row
    return "  ".join([*(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)), last]).rstrip()
