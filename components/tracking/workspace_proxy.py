"""A proxy in front of MLflow that makes one workspace of it an address of its own.

MLflow takes the workspace of a request from a header, and believes whoever sends it. Nobody but these proxies
reaches the server: each sets the header to its own workspace, and its network policy names whose pods may
connect. Clients see an MLflow of their own: no workspace has to be chosen, none can be.
"""

import dataclasses
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import pulumi
import pulumi_kubernetes as kubernetes

from components.connections import GatewayConnection
from components.shapes import (
    cluster_service,
    http_routes,
    network_policies,
    pod_security,
    replicated_server,
    server_pods,
)
from components.shapes.labels import COMPONENT, NAME
from components.shapes.owner import Owner
from components.shapes.server_pods import Mount

PORT: Final = 5000
POD_LABELS: Final[Mapping[str, str]] = {NAME: "mlflow", COMPONENT: "proxy"}
"""Labels of every proxy's pods."""
HEADER: Final = "X-MLFLOW-WORKSPACE"
_FOLDER: Final = "/etc/haproxy"
_FILE: Final = "haproxy.cfg"
_READY: Final = "/-/ready"
# MLflow runs in one process: more calls at once would only wait for each other there, and those of other
# teams with them. A second one goes on beside a slow one, but not in a flood: each call of it there makes
# those of every other team as much slower as if it were their own. Transfers of artifacts mostly wait for the
# network.
_BACKENDS: Final[Mapping[str, int]] = {"calls": 1, "spare": 1, "transfers": 16}
# So many calls that wait are a flood; pages of MLflow and steps side by side are less.
_FLOOD: Final = 8
_QUEUE: Final = 128
# Not among them: metrics, and MLflow's own gateway and assistant, which call services elsewhere.
PUBLISHED: Final = http_routes.Paths(
    below=(
        "/ajax-api",
        "/api",
        "/build",
        "/get-artifact",
        "/graphql",
        "/health",
        "/model-versions",
        "/static-files",
        "/v1/traces",
        "/version",
    ),
    exact=("/",),
)
_CALL: Final = r"^/(ajax-)?api/[^/]+/mlflow"
_TRANSFER: Final = r"^/((ajax-)?api/[^/]+/mlflow-artifacts|get-artifact|model-versions/get-artifact)"
# Segments that a server may read otherwise, and escapes of characters that need none.
_UNCLEAN: Final = r"//|/\.\.?(/|$)|%(2[DdEeFf]|3[0-9]|[46][1-9A-Fa-f]|[57][0-9Aa]|5[Ff]|7[Ee])"
SERVER_INFO: Final[Mapping[str, Any]] = {
    "store_type": "SqlStore",
    # A client that reads otherwise asks its user to choose one.
    "workspaces_enabled": False,
    "trace_archival_enabled": False,
    "presigned_upload_run_id_supported": True,
    "presigned_upload_model_id_supported": True,
    "features_enabled": {"gateway": False},
}
"""What clients read about the server, but for whether they send and fetch artifacts in parts."""


@dataclass(frozen=True, kw_only=True)
class WorkspaceProxyArgs:
    """Inputs of `deploy`."""

    image: str
    """Image of HAProxy."""
    workspace: str
    """The workspace behind the proxy."""
    server: str
    """Name of the server's Service, in the proxy's namespace."""
    clients: tuple[network_policies.Peer, ...]
    """Pods that may connect."""
    multipart: bool
    """Whether clients send and fetch artifacts in parts, at addresses of the object store."""
    gateway: GatewayConnection | None = None
    """Gateway that publishes the workspace, if any."""
    host: str = ""
    """First label of its host."""
    localhost: str = "/"
    """Path of `http://localhost` below which it is published."""
    replicas: int = 1

    def __post_init__(self) -> None:
        """Reject a proxy without pods or clients."""
        replicated_server.check(self.replicas)
        if not self.clients:
            raise ValueError("clients: none given; name the pods or namespaces that may connect")


def known_hosts(service: str, namespace: str, domains: Sequence[str] = ()) -> list[str]:
    """Return every name by which clients call a workspace; others are refused, against DNS rebinding."""
    names = [service, f"{service}.{namespace}", f"{service}.{namespace}.svc"]
    return [*names, f"{service}.{namespace}.svc.cluster.local", "localhost", "127.0.0.1", *domains]


def config(*, workspace: str, hosts: Sequence[str], server: str, multipart: bool) -> str:
    """Return HAProxy's configuration.

    Args:
        workspace: the workspace behind the proxy.
        hosts: names by which clients call it, without ports.
        server: host and port of MLflow.
        multipart: whether clients send and fetch artifacts in parts.
    """
    info = {
        **SERVER_INFO,
        "multipart_uploads_enabled": multipart,
        "multipart_downloads_enabled": multipart,
    }
    return "\n".join(
        [
            "global",
            "    maxconn 1024",
            "    nbthread 1",
            "    hard-stop-after 15s",
            "defaults",
            "    mode http",
            "    timeout connect 5s",
            "    timeout http-request 30s",
            "    timeout http-keep-alive 1m",
            "    timeout queue 1m",
            "    timeout client 10m",
            "    timeout server 10m",
            "resolvers cluster",
            "    parse-resolv-conf",
            "    hold valid 10s",
            "frontend clients",
            f"    bind :{PORT}",
            f"    monitor-uri {_READY}",
            f"    acl known req.hdr(Host),field(1,:) -i -m str {' '.join(hosts)}",
            f"    {_answer(421, 'BAD_REQUEST', 'this host is not the workspace')} unless known",
            f"    {_answer(400, 'BAD_REQUEST', _UNCLEAN_TEXT)} if {{ path_reg {_UNCLEAN} }}",
            # Servers take such a name for the one with hyphens.
            "    http-request del-header _ -m sub",
            f"    acl named req.hdr({HEADER}) -m found",
            f"    acl own req.hdr({HEADER}) -m str {workspace}",
            f"    {_answer(403, 'PERMISSION_DENIED', _OTHER_TEXT)} if named !own",
            f"    acl workspaces path_reg {_CALL}/workspaces",
            f"    {_answer(404, 'ENDPOINT_NOT_FOUND', _WORKSPACES_TEXT)} if workspaces",
            f"    {_return(200, info)} if {{ path_reg {_CALL}/server-info$ }}",
            f"    http-request set-header {HEADER} {workspace}",
            # MLflow refuses changes that a page of another site sends, and takes its own pages for such.
            "    http-request set-var(txn.host) req.hdr(Host)",
            "    acl own_page req.hdr(Origin),regsub(^https?://,),strcmp(txn.host) eq 0",
            "    http-request del-header Origin if own_page",
            f"    acl transfer path_reg {_TRANSFER}",
            *(
                f"    {_answer(429, 'REQUEST_LIMIT_EXCEEDED', _MANY_TEXT)} "
                f"if {{ queue({backend}) ge {_QUEUE} }} {condition}"
                for backend, condition in (("transfers", "transfer"), ("calls", "!transfer"))
            ),
            "    use_backend transfers if transfer",
            "    acl busy be_conn(calls) ge 1",
            f"    acl flood queue(calls) ge {_FLOOD}",
            "    acl doubled be_conn(spare) ge 1",
            "    use_backend spare if busy !flood !doubled",
            "    default_backend calls",
            *(
                line
                for backend, most in _BACKENDS.items()
                for line in (
                    f"backend {backend}",
                    f"    server mlflow {server} maxconn {most} resolvers cluster init-addr libc,none",
                )
            ),
            "",
        ]
    )


_UNCLEAN_TEXT: Final = "the path has empty, dotted or needlessly encoded segments: send it plain"
_OTHER_TEXT: Final = "this address serves one workspace: remove MLFLOW_WORKSPACE"
_WORKSPACES_TEXT: Final = "the platform makes workspaces, one for each team"
_MANY_TEXT: Final = "too many requests are waiting: try again"


def _answer(status: int, code: str, text: str) -> str:
    return _return(status, {"error_code": code, "message": text})


def _return(status: int, content: Mapping[str, Any]) -> str:
    return f"http-request return status {status} content-type application/json string '{json.dumps(content)}'"


def owner(parent: pulumi.Resource, component: str, namespace: pulumi.Input[str]) -> Owner:
    """Return the owner of the objects of one workspace, as children of this component."""
    return Owner.of_product(
        parent, component, namespace, product="mlflow", role=POD_LABELS[COMPONENT], select_role=True
    )


def url(service: kubernetes.core.v1.Service) -> pulumi.Output[str]:
    """Return the URL of a workspace inside the cluster, which resolves once the workspace answers."""
    return pulumi.Output.concat(
        "http://", service.metadata["name"], ".", service.metadata["namespace"], f":{PORT}"
    )


def deploy(
    owner: Owner, service: str, args: WorkspaceProxyArgs, after: Sequence[pulumi.Resource]
) -> kubernetes.core.v1.Service:
    """Create the proxy, its Service and its routes.

    Args:
        owner: the component, with the selector of the proxy's pods.
        service: name of the Service.
        args: inputs.
        after: resources that must exist before the Service, such as the server.
    """
    proxy = dataclasses.replace(owner, component=f"{owner.component}-proxy")
    server = _server(proxy, service, args)
    made = cluster_service.deploy(owner, service, {"http": PORT}, after=[server, *after])
    if args.gateway:
        http_routes.deploy(
            owner,
            args.gateway,
            args.host,
            name=service,
            service=service,
            port=PORT,
            paths=PUBLISHED,
            localhost=args.localhost,
        )
    return made


def _server(owner: Owner, service: str, args: WorkspaceProxyArgs) -> kubernetes.apps.v1.Deployment:
    name = owner.component
    domains = [f"{args.host}.{args.gateway.domain}"] if args.gateway else []
    content = pulumi.Output.from_input(owner.namespace).apply(
        lambda namespace: config(
            workspace=args.workspace,
            hosts=known_hosts(service, namespace, domains),
            server=f"{args.server}.{namespace}.svc.cluster.local:{PORT}",
            multipart=args.multipart,
        )
    )
    # HAProxy reads its file once: another content is another name, and so another pod.
    config_name = content.apply(lambda text: f"{name}-{hashlib.sha256(text.encode()).hexdigest()[:8]}")
    config_map = kubernetes.core.v1.ConfigMap(
        f"{name}-config",
        metadata=owner.metadata(config_name),
        data={_FILE: content},
        opts=owner.child(),
    )
    container = server_pods.container(
        "haproxy",
        args.image,
        ["haproxy", "-db", "-f", f"{_FOLDER}/{_FILE}"],
        ports={"http": PORT},
        mounts=[Mount(volume="config", path=_FOLDER)],
        probe=pod_security.http_probe(_READY, PORT),
        resources=pod_security.sizes(cpu="10m", memory="24Mi", memory_limit="128Mi"),
    )
    pod = server_pods.pod(
        container,
        volumes=[{"name": "config", "config_map": {"name": config_map.metadata["name"]}}],
        scratch=None,
        grace_seconds=20,
    )
    return replicated_server.deploy(
        owner,
        pod,
        role="server",
        name=name,
        replicas=args.replicas,
        after=[_network_policy(owner, args)],
    )


def _network_policy(owner: Owner, args: WorkspaceProxyArgs) -> kubernetes.networking.v1.NetworkPolicy:
    gateway = [network_policies.in_namespace(args.gateway.namespace)] if args.gateway else []
    return kubernetes.networking.v1.NetworkPolicy(
        f"{owner.component}-policy",
        metadata=owner.metadata(owner.component),
        spec=network_policies.exception(
            owner.selector,
            incoming=[network_policies.ingress([*args.clients, *gateway], PORT)],
            outgoing=[
                network_policies.egress([network_policies.pods({NAME: "mlflow", COMPONENT: "server"})], PORT)
            ],
        ),
        opts=owner.child(),
    )
