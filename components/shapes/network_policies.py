"""NetworkPolicy rules, as pure functions: a namespace's default deny and the exceptions to it."""

from collections.abc import Mapping, Sequence

import pulumi
from pulumi_kubernetes.networking import v1

Peer = v1.NetworkPolicyPeerArgsDict
IngressRule = v1.NetworkPolicyIngressRuleArgsDict
EgressRule = v1.NetworkPolicyEgressRuleArgsDict
Spec = v1.NetworkPolicySpecArgsDict


def pods(labels: Mapping[str, pulumi.Input[str]], namespace: pulumi.Input[str] | None = None) -> Peer:
    """Return the pods with these labels, in the policy's own namespace or in a named one."""
    if namespace is None:
        return {"pod_selector": {"match_labels": labels}}
    return {"pod_selector": {"match_labels": labels}, **in_namespace(namespace)}


def in_namespace(namespace: pulumi.Input[str]) -> Peer:
    """Return every pod of one namespace."""
    return {"namespace_selector": {"match_labels": {"kubernetes.io/metadata.name": namespace}}}


def addresses(cidr: str) -> Peer:
    """Return every address of a network, such as the one that a cloud's databases are in."""
    return {"ip_block": {"cidr": cidr}}


def anywhere() -> Peer:
    """Return every address, inside the cluster and outside."""
    return {"ip_block": {"cidr": "0.0.0.0/0"}}


def every_pod() -> Peer:
    """Return every pod of the cluster, and nothing outside of it."""
    return {"namespace_selector": {}}


def ingress(peers: Sequence[Peer], *ports: int) -> IngressRule:
    """Return a rule that lets these peers reach TCP ports of the selected pods."""
    return {"from_": list(peers), "ports": [{"port": port, "protocol": "TCP"} for port in ports]}


def egress(peers: Sequence[Peer], *ports: int) -> EgressRule:
    """Return a rule that lets the selected pods reach TCP ports of the peers' pods, not of Services."""
    return {"to": list(peers), "ports": [{"port": port, "protocol": "TCP"} for port in ports]}


def api_server(cidr: str = "0.0.0.0/0") -> EgressRule:
    """Return a rule that lets the selected pods reach the Kubernetes API; only controllers need it."""
    return egress([{"ip_block": {"cidr": cidr}}], 443, 6443)


def identity_agent() -> EgressRule:
    """Return a rule that lets the selected pods fetch their AWS credentials.

    The add-on eks-pod-identity-agent listens at this address on every node.
    """
    return egress([addresses("169.254.170.23/32")], 80)


def dns() -> EgressRule:
    """Return a rule that lets the selected pods resolve names."""
    return {
        "to": [pods({"k8s-app": "kube-dns"}, "kube-system")],
        "ports": [{"port": 53, "protocol": "UDP"}, {"port": 53, "protocol": "TCP"}],
    }


def default_deny() -> Spec:
    """Return the policy that denies all traffic of a namespace, except name resolution."""
    return {"pod_selector": {}, "policy_types": ["Ingress", "Egress"], "egress": [dns()]}


def exception(
    selector: Mapping[str, pulumi.Input[str]],
    *,
    incoming: Sequence[IngressRule] = (),
    outgoing: Sequence[EgressRule] = (),
) -> Spec:
    """Return the policy that allows exactly this traffic to and from the selected pods."""
    types = (["Ingress"] if incoming else []) + (["Egress"] if outgoing else [])
    rules: Spec = {"pod_selector": {"match_labels": selector}, "policy_types": types}
    if incoming:
        rules["ingress"] = list(incoming)
    if outgoing:
        rules["egress"] = list(outgoing)
    return rules


def controller(
    selector: Mapping[str, pulumi.Input[str]],
    *,
    scrapers: Sequence[Peer],
    metrics_port: int,
    webhook_port: int | None = None,
    outgoing: Sequence[EgressRule] = (),
) -> Spec:
    """Return the policy of a controller: it calls the Kubernetes API, and scrapers read its metrics.

    Args:
        selector: labels of its pods.
        scrapers: pods that read its metrics.
        metrics_port: the port that serves them.
        webhook_port: the port that serves its admission webhooks, if it has any.
        outgoing: further destinations.
    """
    # The API server calls from outside the pods' network: it has no labels to select by.
    webhooks = [] if webhook_port is None else [ingress([anywhere()], webhook_port)]
    metrics = [ingress(scrapers, metrics_port)] if scrapers else []
    return exception(selector, incoming=[*webhooks, *metrics], outgoing=[api_server(), *outgoing])
