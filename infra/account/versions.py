"""Checks of `preflight`: AWS offers the Kubernetes version, add-ons, machine images and database classes."""

from collections.abc import Iterator

from botocore.exceptions import ClientError

from infra.account.demand import Demand
from infra.account.session import Account, Finding, code_of

_SUPPORTED = "STANDARD_SUPPORT"


def kubernetes(account: Account, demand: Demand) -> Iterator[Finding]:
    """Yield whether the Kubernetes version has standard support; extended support costs more."""
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
    result = f"{status}, standard support until {until:%Y-%m-%d}" if until else str(status)
    if status == _SUPPORTED:
        yield Finding("Kubernetes version", subject, result)
    else:
        yield Finding("Kubernetes version", subject, result, remedy, failed=True)


def addons(account: Account, demand: Demand) -> Iterator[Finding]:
    """Yield whether EKS offers each add-on in its pinned version for the Kubernetes version."""
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
        remedy = f"set plinth:cluster.addons.{name} to one of {newest}"
        what = f"not offered for {demand.kubernetes_version}"
        yield Finding("add-ons", subject, what, remedy, failed=True)


def _image_parameter(demand: Demand, variant: str) -> str:
    """Return the SSM parameter with the id of the EKS-optimized Amazon Linux 2023 image."""
    version = demand.kubernetes_version
    root = f"/aws/service/eks/optimized-ami/{version}/amazon-linux-2023/x86_64/{variant}"
    if demand.ami_release is None:
        return f"{root}/recommended/image_id"
    day = demand.ami_release.rpartition("-")[2]
    return f"{root}/amazon-eks-node-al2023-x86_64-{variant}-{version}-v{day}/image_id"


def machine_images(account: Account, demand: Demand) -> Iterator[Finding]:
    """Yield whether machine images of nodes, and of GPU nodes if any, exist for the Kubernetes version."""
    variants = ["standard", "nvidia"] if any(pool.gpus for pool in demand.pools) else ["standard"]
    for variant in variants:
        name = _image_parameter(demand, variant)
        subject = f"AL2023 {variant} for {demand.kubernetes_version}"
        try:
            image = account.ssm.get_parameter(Name=name)["Parameter"].get("Value", "")
        except ClientError as error:
            if code_of(error) != "ParameterNotFound":
                raise
            setting = "amiRelease" if demand.ami_release else "kubernetesVersion"
            remedy = f"choose another plinth:cluster.{setting}"
            yield Finding("machine images", subject, f"no parameter {name}", remedy, failed=True)
        else:
            yield Finding("machine images", subject, image)


def database_classes(account: Account, demand: Demand) -> Iterator[Finding]:
    """Yield whether RDS offers each database's class in the region, with a standby if it has one."""
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
            yield Finding("database classes", subject, "offered")
            continue
        what = "not offered with a standby" if options else "not offered"
        key = "postgresClass" if database.engine == "postgres" else "pipelinesClass"
        remedy = f"choose another plinth:storage.rds.{key}, such as db.m7g.large"
        yield Finding("database classes", subject, f"{what} in {demand.region}", remedy, failed=True)
