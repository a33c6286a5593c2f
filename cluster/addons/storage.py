"""Dynamic volumes: local-path-provisioner creates a folder per claim, by the default storage class."""

import json
from pathlib import Path
from typing import Any

from cluster.instance import Instance
from cluster.processes import Process
from cluster.programs import binaries, certificates
from upstream import image_recipe
from upstream.cache import write_atomically

NAMESPACE = "plinth-storage"
CLASS = "local-path"
# The class of a claim that a pipeline creates without naming one.
_PIPELINES_CLASS = "standard"
_PROVISIONER = "plinth.local/local-path"
_LABELS = {"app.kubernetes.io/name": "local-path-provisioner", "app.kubernetes.io/part-of": "plinth"}
_SETUP = '#!/bin/sh\nset -eu\nmkdir -m 0777 -p "$VOL_DIR"\n'
_TEARDOWN = '#!/bin/sh\nset -eu\nrm -rf "$VOL_DIR"\n'


def helper_image() -> str:
    """Return the image of the pods that create and delete the folders of volumes."""
    return f"plinth/volume-helper:{image_recipe.tag('volume-helper')}"


def volumes(instance: Instance) -> Path:
    """Return the folder with one folder per volume."""
    return instance.folder / "volumes"


def process(instance: Instance, api: str) -> Process:
    """Write the configuration and return the provisioner's process."""
    folder = instance.folder / "config" / "storage"
    paths = [{"node": "DEFAULT_PATH_FOR_NON_LISTED_NODES", "paths": [str(volumes(instance))]}]
    config = folder / "config.json"
    write_atomically(config, json.dumps({"nodePathMap": paths}))
    helper = folder / "helper.yaml"
    write_atomically(helper, json.dumps(_helper_pod()))
    return Process(
        name="local-path-provisioner",
        argv=(
            str(binaries.path("local-path-provisioner")),
            "start",
            f"--config={config}",
            f"--helper-pod-file={helper}",
            f"--helper-image={helper_image()}",
            f"--provisioner-name={_PROVISIONER}",
            f"--namespace={NAMESPACE}",
            "--service-account-name=default",
            f"--kubeconfig={certificates.kubeconfig(instance, 'storage')}",
        ),
        environment=binaries.lean(),
        needs=(api,),
    )


def _helper_pod() -> dict[str, Any]:
    container: dict[str, Any] = {
        "name": "helper-pod",
        "image": helper_image(),
        "imagePullPolicy": "IfNotPresent",
        "resources": {"requests": {"cpu": "5m", "memory": "8Mi"}, "limits": {"memory": "32Mi"}},
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "helper-pod"},
        "spec": {
            "priorityClassName": "system-node-critical",
            "terminationGracePeriodSeconds": 0,
            "automountServiceAccountToken": False,
            "containers": [container],
        },
    }


def _rules() -> list[dict[str, Any]]:
    every = ["get", "list", "watch", "create", "patch", "update", "delete"]
    return [
        {
            "apiGroups": [""],
            "resources": ["nodes", "persistentvolumeclaims", "configmaps", "pods/log"],
            "verbs": ["get", "list", "watch"],
        },
        {"apiGroups": [""], "resources": ["persistentvolumes", "pods"], "verbs": every},
        {"apiGroups": [""], "resources": ["endpoints"], "verbs": every},
        {"apiGroups": [""], "resources": ["events"], "verbs": ["create", "patch"]},
        {"apiGroups": ["storage.k8s.io"], "resources": ["storageclasses"], "verbs": ["get", "list", "watch"]},
    ]


def manifests() -> list[dict[str, Any]]:
    """Return namespace, RBAC, scripts and the storage classes, the default one first."""
    namespace = {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {
            "name": NAMESPACE,
            # Helper pods mount a folder of the node; nothing else may run here.
            "labels": {**_LABELS, "pod-security.kubernetes.io/enforce": "privileged"},
        },
    }
    scripts = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "local-path-config", "namespace": NAMESPACE, "labels": _LABELS},
        "data": {"setup": _SETUP, "teardown": _TEARDOWN},
    }
    classes = [
        {
            "apiVersion": "storage.k8s.io/v1",
            "kind": "StorageClass",
            "metadata": {"name": name, "labels": _LABELS, "annotations": annotations},
            "provisioner": _PROVISIONER,
            "volumeBindingMode": "WaitForFirstConsumer",
            "reclaimPolicy": "Delete",
        }
        for name, annotations in (
            (CLASS, {"storageclass.kubernetes.io/is-default-class": "true"}),
            (_PIPELINES_CLASS, {}),
        )
    ]
    return [namespace, *certificates.grant("storage", _rules()), scripts, *classes]
