"""Resource metrics (`kubectl top`, autoscaling): metrics-server behind the aggregation layer."""

from typing import Any

from cluster.programs import binaries, certificates
from upstream import image_recipe

NAMESPACE = "kube-system"
_LABELS = {"app.kubernetes.io/name": "metrics-server", "app.kubernetes.io/part-of": "plinth"}
_SELECTOR = {"app.kubernetes.io/name": "metrics-server"}
_RBAC = "rbac.authorization.k8s.io"
_SUBJECT = {"kind": "ServiceAccount", "name": "metrics-server", "namespace": NAMESPACE}


def image() -> str:
    """Return the reference of the image, which is built here under upstream's name."""
    version = binaries.version("metrics-server", "sigs.k8s.io/metrics-server")
    return f"registry.k8s.io/metrics-server/metrics-server:{image_recipe.tag('metrics-server', version)}"


def _rights() -> list[dict[str, Any]]:
    role, binding = certificates.grant(
        "metrics-server",
        [
            {"apiGroups": [""], "resources": ["nodes/metrics"], "verbs": ["get"]},
            {"apiGroups": [""], "resources": ["pods", "nodes"], "verbs": ["get", "list", "watch"]},
        ],
    )
    binding["subjects"] = [_SUBJECT]
    delegator = {
        "apiVersion": f"{_RBAC}/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": "plinth:metrics-server:auth-delegator"},
        "roleRef": {"apiGroup": _RBAC, "kind": "ClusterRole", "name": "system:auth-delegator"},
        "subjects": [_SUBJECT],
    }
    reader = {
        "apiVersion": f"{_RBAC}/v1",
        "kind": "RoleBinding",
        "metadata": {"name": "metrics-server-auth-reader", "namespace": NAMESPACE},
        "roleRef": {"apiGroup": _RBAC, "kind": "Role", "name": "extension-apiserver-authentication-reader"},
        "subjects": [_SUBJECT],
    }
    # The aggregated roles let users with `view` read metrics too.
    aggregated = {
        "apiVersion": f"{_RBAC}/v1",
        "kind": "ClusterRole",
        "metadata": {
            "name": "plinth:aggregated-metrics-reader",
            "labels": {f"{_RBAC}/aggregate-to-{level}": "true" for level in ("view", "edit", "admin")},
        },
        "rules": [
            {
                "apiGroups": ["metrics.k8s.io"],
                "resources": ["pods", "nodes"],
                "verbs": ["get", "list", "watch"],
            }
        ],
    }
    return [role, binding, delegator, reader, aggregated]


def _deployment() -> dict[str, Any]:
    container: dict[str, Any] = {
        "name": "metrics-server",
        "image": image(),
        "imagePullPolicy": "IfNotPresent",
        "args": [
            "--cert-dir=/tmp",
            "--secure-port=10250",
            "--kubelet-preferred-address-types=InternalIP",
            "--kubelet-use-node-status-port",
            # The kubelet's certificate is self-signed; both ends are in the instance's network namespace.
            "--kubelet-insecure-tls",
            "--metric-resolution=15s",
        ],
        "ports": [{"name": "https", "containerPort": 10250}],
        "resources": {"requests": {"cpu": "20m", "memory": "40Mi"}, "limits": {"memory": "200Mi"}},
        "readinessProbe": {
            "httpGet": {"path": "/readyz", "port": "https", "scheme": "HTTPS"},
            "periodSeconds": 5,
        },
        "livenessProbe": {
            "httpGet": {"path": "/livez", "port": "https", "scheme": "HTTPS"},
            "initialDelaySeconds": 60,
        },
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": True,
            "runAsNonRoot": True,
            "runAsUser": 1000,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}],  # noqa: S108 (the pod's own empty volume)
    }
    return {
        "replicas": 1,
        "selector": {"matchLabels": _SELECTOR},
        "template": {
            "metadata": {"labels": _LABELS},
            "spec": {
                "serviceAccountName": "metrics-server",
                "priorityClassName": "system-cluster-critical",
                "containers": [container],
                "volumes": [{"name": "tmp", "emptyDir": {}}],
            },
        },
    }


def manifests() -> list[dict[str, Any]]:
    """Return service account, RBAC, Deployment, Service and API registration."""
    named = {"name": "metrics-server", "namespace": NAMESPACE, "labels": _LABELS}
    return [
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": named},
        *_rights(),
        {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": named, "spec": _deployment()},
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": named,
            "spec": {
                "selector": _SELECTOR,
                "ports": [{"name": "https", "port": 443, "protocol": "TCP", "targetPort": "https"}],
            },
        },
        {
            "apiVersion": "apiregistration.k8s.io/v1",
            "kind": "APIService",
            "metadata": {"name": "v1beta1.metrics.k8s.io", "labels": _LABELS},
            "spec": {
                "group": "metrics.k8s.io",
                "version": "v1beta1",
                "groupPriorityMinimum": 100,
                "versionPriority": 100,
                "insecureSkipTLSVerify": True,
                "service": {"name": "metrics-server", "namespace": NAMESPACE},
            },
        },
    ]
