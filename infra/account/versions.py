"""Checks of `preflight`: versions of Kubernetes, machine images of nodes, and classes of databases."""

from collections.abc import Iterator

from botocore.exceptions import ClientError

from infra.account.demand import Demand
from infra.account.finding import Finding
from infra.account.session import Account, code_of

_SUPPORTED = "STANDARD_SUPPORT"


def kubernetes(account: Account, demand: Demand) -> Iterator[Finding]:
    """Yield whether EKS supports the version at the usual price."""
    listed = account.eks.describe_cluster_versions()["clusterVersions"]
    offered = {each.get("clusterVersion", ""): each for each in listed}
    current = sorted(name for name, each in offered.items() if each.get("versionStatus") == _SUPPORTED)
    remedy = f"set plinth:cluster.kubernetesVersion to one of {', '.join(current)}"
    version = offered.get(demand.kubernetes_version)
    subject = demand.kubernetes_version
    if version is None:
        yield Finding("Kubernetes version", subject, "EKS does not offer it", remedy, failed=True)
        return
    status, until = version.get("versionStatus"), version.get("endOfStandardSupportDate")
    found = f"{status}, standard support until {until:%Y-%m-%d}" if until else str(status)
    if status == _SUPPORTED:
        yield Finding("Kubernetes version", subject, found)
    else:
        yield Finding("Kubernetes version", subject, found, remedy, failed=True)


def addons(account: Account, demand: Demand) -> Iterator[Finding]:
    """Yield whether EKS has each pinned version of an add-on for the version of Kubernetes."""
    for name, version in demand.addons.items():
        pages = account.eks.get_paginator("describe_addon_versions").paginate(
            addonName=name, kubernetesVersion=demand.kubernetes_version
        )
        offered = [
            each.get("addonVersion", "")
            for page in pages
            for addon in page["addons"]
            for each in addon.get("addonVersions", [])
        ]
        subject = f"{name} {version}"
        if version in offered:
            yield Finding("add-ons", subject, f"offered for {demand.kubernetes_version}")
            continue
        newest = ", ".join(offered[:3]) or "none"
        remedy = f"set EKS_ADDONS in components/versions.py to one of {newest}"
        what = f"not offered for {demand.kubernetes_version}"
        yield Finding("add-ons", subject, what, remedy, failed=True)


def _image_parameter(demand: Demand, variant: str) -> str:
    """Return where AWS publishes the id of the EKS image of Amazon Linux 2023."""
    version = demand.kubernetes_version
    root = f"/aws/service/eks/optimized-ami/{version}/amazon-linux-2023/x86_64/{variant}"
    if demand.ami_release is None:
        return f"{root}/recommended/image_id"
    day = demand.ami_release.rpartition("-")[2]
    return f"{root}/amazon-eks-node-al2023-x86_64-{variant}-{version}-v{day}/image_id"


def machine_images(account: Account, demand: Demand) -> Iterator[Finding]:
    """Yield whether the images of plain and of GPU nodes exist for the version."""
    variants = ["standard", "nvidia"] if any(pool.gpus for pool in demand.pools) else ["standard"]
    for variant in variants:
        name = _image_parameter(demand, variant)
        subject = f"AL2023 {variant} for {demand.kubernetes_version}"
        try:
            found = account.ssm.get_parameter(Name=name)["Parameter"].get("Value", "")
        except ClientError as error:
            if code_of(error) != "ParameterNotFound":
                raise
            setting = "amiRelease" if demand.ami_release else "kubernetesVersion"
            remedy = f"choose another plinth:cluster.{setting}"
            yield Finding("machine images", subject, f"no parameter {name}", remedy, failed=True)
        else:
            yield Finding("machine images", subject, found)


def database_classes(account: Account, demand: Demand) -> Iterator[Finding]:
    """Yield whether RDS sells the class of each database in the region, with a standby where asked."""
    for database in demand.databases:
        subject = f"{database.instance_class} for {database.engine} {database.version}"
        pages = account.rds.get_paginator("describe_orderable_db_instance_options").paginate(
            Engine=database.engine, DBInstanceClass=database.instance_class, Vpc=True
        )
        options = [
            option
            for page in pages
            for option in page["OrderableDBInstanceOptions"]
            if option.get("EngineVersion", "").startswith(f"{database.version}.")
        ]
        if any(option.get("MultiAZCapable") or not database.multi_az for option in options):
            yield Finding("database classes", subject, "sold")
            continue
        what = "not sold with a standby" if options else "not sold"
        key = "postgresClass" if database.engine == "postgres" else "pipelinesClass"
        remedy = f"choose another plinth:storage.rds.{key}, such as db.m7g.large"
        yield Finding("database classes", subject, f"{what} in {demand.region}", remedy, failed=True)
