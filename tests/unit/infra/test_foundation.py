"""Namespaces are there for what a stack has, and for nothing else."""

from infra.foundation import DATABASES, KUEUE, MONITORING, OBJECT_STORE
from infra.settings import reader, stack_file
from infra.settings.stack import Settings
from tests.unit.infra.test_assembly import platform

_ALWAYS = {"gateway", "kserve", "kubeflow", "mlflow"}


def namespaces(chosen: Settings) -> set[str]:
    return {
        each.name for each in platform(chosen).registrations if each.type == "plinth:index:PlatformNamespace"
    }


def test_stores_in_the_cluster_have_namespaces() -> None:
    chosen = reader.parse(
        {"cluster": {"kind": "kubeconfig", "name": "local"}, "monitoring": {"enabled": False}}
    )
    assert namespaces(chosen) >= {*_ALWAYS, DATABASES, OBJECT_STORE}
    assert not {MONITORING, KUEUE} & namespaces(chosen)


def test_on_aws_queues_and_monitoring_have_namespaces_and_stores_have_none() -> None:
    found = namespaces(stack_file.settings("prod"))
    assert found >= {*_ALWAYS, KUEUE, MONITORING}
    assert not {DATABASES, OBJECT_STORE} & found
