"""Cluster DNS: CoreDNS as a Deployment."""

import hashlib
from typing import Any

from cluster.cidrs import DNS_SERVICE_IP
from cluster.programs import binaries, certificates
from upstream import image_recipe

NAMESPACE = "kube-system"
_LABELS = {"app.kubernetes.io/name": "coredns", "app.kubernetes.io/part-of": "plinth", "k8s-app": "kube-dns"}
# No `forward`: the cluster has no egress, so a name outside it fails at once instead of timing out.
_COREFILE = """\
.:53 {
    errors
    health
    ready
    kubernetes cluster.local in-addr.arpa ip6.arpa {
        pods insecure
        ttl 5
    }
    prometheus :9153
    cache 30
}
"""


def image() -> str:
    """Return the reference of the image, which is built here under upstream's name."""
    version = binaries.version("coredns", "github.com/coredns/coredns")
    return f"registry.k8s.io/coredns/coredns:{image_recipe.tag('coredns', version)}"


def manifests() -> list[dict[str, Any]]:
    """Return service account, RBAC, configuration, Deployment and Service."""
    named = {"name": "coredns", "namespace": NAMESPACE, "labels": _LABELS}
    rules = [
        {
            "apiGroups": [""],
            "resources": ["endpoints", "services", "pods", "namespaces"],
            "verbs": ["list", "watch"],
        },
        {"apiGroups": ["discovery.k8s.io"], "resources": ["endpointslices"], "verbs": ["list", "watch"]},
    ]
    role, binding = certificates.grant("coredns", rules)
    binding["subjects"] = [{"kind": "ServiceAccount", "name": "coredns", "namespace": NAMESPACE}]
    ports = [
        {"name": "dns", "port": 53, "protocol": "UDP", "targetPort": 53},
        {"name": "dns-tcp", "port": 53, "protocol": "TCP", "targetPort": 53},
    ]
    return [
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": named},
        role,
        binding,
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": named, "data": {"Corefile": _COREFILE}},
        {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": named, "spec": _deployment()},
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {**named, "name": "kube-dns"},
            "spec": {"clusterIP": DNS_SERVICE_IP, "selector": {"k8s-app": "kube-dns"}, "ports": ports},
        },
    ]


def _deployment() -> dict[str, Any]:
    container: dict[str, Any] = {
        "name": "coredns",
        "image": image(),
        "imagePullPolicy": "IfNotPresent",
        "args": ["-conf", "/etc/coredns/Corefile"],
        # Policies match ports after translation, so the pod itself listens on 53.
        "ports": [
            {"name": "dns", "containerPort": 53, "protocol": "UDP"},
            {"name": "dns-tcp", "containerPort": 53, "protocol": "TCP"},
            {"name": "metrics", "containerPort": 9153, "protocol": "TCP"},
        ],
        "resources": {"requests": {"cpu": "20m", "memory": "32Mi"}, "limits": {"memory": "170Mi"}},
        "livenessProbe": {"httpGet": {"path": "/health", "port": 8080}, "initialDelaySeconds": 30},
        "readinessProbe": {"httpGet": {"path": "/ready", "port": 8181}, "periodSeconds": 2},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"add": ["NET_BIND_SERVICE"], "drop": ["ALL"]},
            "readOnlyRootFilesystem": True,
        },
        "volumeMounts": [{"name": "config", "mountPath": "/etc/coredns", "readOnly": True}],
    }
    digest = hashlib.sha256(_COREFILE.encode()).hexdigest()[:16]
    return {
        "replicas": 1,
        "selector": {"matchLabels": {"k8s-app": "kube-dns"}},
        "template": {
            # A new configuration must mean new pods.
            "metadata": {"labels": _LABELS, "annotations": {"plinth.local/configuration": digest}},
            "spec": {
                "serviceAccountName": "coredns",
                "priorityClassName": "system-cluster-critical",
                "dnsPolicy": "Default",
                "containers": [container],
                "volumes": [{"name": "config", "configMap": {"name": "coredns"}}],
            },
        },
    }
