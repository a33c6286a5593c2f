"""A simulated `aws` provider for the real engine: it validates, plans and remembers, and creates nothing."""

import contextlib
import json
import threading
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any

import grpc
from google.protobuf.empty_pb2 import Empty
from pulumi.runtime.proto import (
    engine_pb2,
    engine_pb2_grpc,
    plugin_pb2,
    provider_pb2,
    provider_pb2_grpc,
)

from simulation.aws import checks, computed_outputs, functions, identities, node_groups, replacements, wire
from simulation.aws.computed_outputs import Site
from simulation.aws.live_state import LiveState, RefusedError
from simulation.aws.node_groups import NodeGroups
from simulation.aws.published_types import UnknownTypeError, version

NOTICE = "aws is simulated: every check is real, no resources are created and nothing is billed"
_MESSAGE_BYTES = 400 * 1024 * 1024
# Input that makes AWS refuse to delete a resource.
_PROTECTED_BY = {
    "aws:rds/instance:Instance": "deletionProtection",
    "aws:eks/cluster:Cluster": "deletionProtection",
}


@dataclass
class Account:
    """Content of the simulated account; physical names are unique, as in AWS."""

    names: dict[tuple[str, str], str] = field(default_factory=dict[tuple[str, str], str])
    made: int = 0
    calls: dict[str, int] = field(default_factory=dict[str, int])
    live: LiveState = field(default_factory=LiveState)
    groups: NodeGroups = field(default_factory=NodeGroups)
    deleted: set[str] = field(default_factory=set[str])
    """Pulumi names of resources that somebody deleted, other than the engine."""
    lock: threading.Lock = field(default_factory=threading.Lock)

    def claim(self, token: str, name: str, urn: str) -> None:
        """Reserve a physical name.

        Raises:
            ValueError: another resource of the account has the name.
        """
        with self.lock:
            holder = self.names.get((token, name))
            if holder is not None:
                kind = token.rsplit(":", 1)[-1]
                raise ValueError(f"{kind} {name!r} already exists in the account (simulated): {holder}")
            self.names[(token, name)] = urn

    def release(self, token: str, name: str) -> None:
        """Release a physical name."""
        with self.lock:
            self.names.pop((token, name), None)

    def next_number(self) -> int:
        """Return a number that was never returned before."""
        with self.lock:
            self.made += 1
            return self.made

    def count(self, call: str) -> None:
        """Count a call of the engine."""
        with self.lock:
            self.calls[call] = self.calls.get(call, 0) + 1


class SimulatedAws(provider_pb2_grpc.ResourceProviderServicer):
    """Answers the engine as the real provider would, from the published SDK's types and manual tables."""

    def __init__(self, site: Site, account: Account, *, foresees: bool = False) -> None:
        self._site = site
        self._account = account
        self._foresees = foresees
        self._engine_address = ""
        self._notice_sent = False

    def Attach(self, request: Any, context: Any) -> Any:  # noqa: N802 - the engine's own name
        """Store the engine's address, which changes with each run."""
        self._engine_address, self._notice_sent = request.address, False
        return Empty()

    def Handshake(self, request: Any, context: Any) -> Any:  # noqa: N802 - the engine's own name
        """Store the engine's address."""
        self._engine_address, self._notice_sent = request.engine_address, False
        return provider_pb2.ProviderHandshakeResponse(
            accept_secrets=False, accept_resources=False, accept_outputs=False
        )

    def GetPluginInfo(self, request: Any, context: Any) -> Any:  # noqa: N802 - the engine's own name
        """Return the version of the SDK that is simulated."""
        return plugin_pb2.PluginInfo(version=version())

    def CheckConfig(self, request: Any, context: Any) -> Any:  # noqa: N802 - the engine's own name
        """Check the provider's settings."""
        settings = wire.plain(request.news)
        faults = checks.find_provider_faults(settings)
        if not settings.get("region") and not self._site.region:
            faults.append(checks.Fault(path="region", reason="is required: every resource is in a region"))
        return provider_pb2.CheckResponse(inputs=request.news, failures=_failures(faults))

    def DiffConfig(self, request: Any, context: Any) -> Any:  # noqa: N802 - the engine's own name
        """Replace everything when the region changes; nothing else."""
        old, new = wire.plain(request.olds), wire.plain(request.news)
        changed = replacements.changed(old, new)
        replaces = ["region"] if "region" in changed and "region" in old else []
        kind = provider_pb2.DiffResponse.DIFF_SOME if changed else provider_pb2.DiffResponse.DIFF_NONE
        return provider_pb2.DiffResponse(changes=kind, replaces=replaces, diffs=changed)

    def Configure(self, request: Any, context: Any) -> Any:  # noqa: N802 - the engine's own name
        """Store region and account, and send the notice once."""
        settings = wire.plain(request.args)
        region, accounts = settings.get("region"), settings.get("allowedAccountIds")
        if isinstance(region, str) and not wire.is_unknown(region):
            self._site = replace(self._site, region=region)
        # Act as the account that the program requires.
        listed = json.loads(accounts) if isinstance(accounts, str) else accounts
        if listed:
            self._site = replace(self._site, account=str(listed[0]))
        self._send_notice()
        return provider_pb2.ConfigureResponse(
            acceptSecrets=False, supportsPreview=True, acceptResources=False, acceptOutputs=False
        )

    def Check(self, request: Any, context: Any) -> Any:  # noqa: N802 - the engine's own name
        """Generate a name if there is none, then check every input."""
        token, name = _type_of(request.urn), request.urn.rsplit("::", 1)[-1]
        inputs, old = wire.plain(request.news), wire.plain(request.olds)
        self._account.count("check")
        try:
            named = identities.name_input(token)
            if named is not None and inputs.get(named) is None and not inputs.get(f"{named}Prefix"):
                seed = request.randomSeed.hex() or request.urn
                inputs[named] = old.get(named) or identities.generated_name(token, name, seed)
                inputs["__named"] = True
            faults = checks.find_faults(token, inputs)
        except UnknownTypeError as error:
            faults = [checks.Fault(path="", reason=str(error))]
        if not replacements.is_listed(token):
            reason = f"{token} is not in simulation/aws/replacements.py: list the inputs that replace it"
            faults.append(checks.Fault(path="", reason=reason))
        return provider_pb2.CheckResponse(inputs=wire.struct(inputs), failures=_failures(faults))

    def Diff(self, request: Any, context: Any) -> Any:  # noqa: N802 - the engine's own name
        """Return what changed, and whether AWS would replace the resource."""
        token = _type_of(request.urn)
        old, new = wire.plain(request.old_inputs), wire.plain(request.news)
        changed = replacements.changed(old, new)
        if not changed:
            return provider_pb2.DiffResponse(changes=provider_pb2.DiffResponse.DIFF_NONE)
        replaces = replacements.replacing(token, old, new)
        named = identities.name_input(token)
        # Two resources of one name cannot exist at the same time.
        keeps_name = named is not None and not new.get("__named") and old.get(named) == new.get(named)
        return provider_pb2.DiffResponse(
            changes=provider_pb2.DiffResponse.DIFF_SOME,
            diffs=changed,
            replaces=replaces,
            deleteBeforeReplace=bool(replaces) and keeps_name,
            hasDetailedDiff=True,
            detailedDiff=_detailed(changed, replaces),
        )

    def Create(self, request: Any, context: Any) -> Any:  # noqa: N802 - the engine's own name
        """Return the outputs that AWS would return; in a preview leave them unknown."""
        token, inputs = _type_of(request.urn), wire.plain(request.properties)
        if request.preview and self._foresees:
            resource_id, outputs = computed_outputs.outputs(token, request.urn, inputs, self._site, 0)
            # Nothing listens at that address, so the cluster's objects are planned as for a new cluster.
            outputs |= dict.fromkeys(computed_outputs.unknown_in_every_preview(token), wire.UNKNOWN)
            return provider_pb2.CreateResponse(id=resource_id, properties=wire.struct(outputs))
        if request.preview:
            unknown = dict.fromkeys(computed_outputs.unknown_until_made(token), wire.UNKNOWN)
            return provider_pb2.CreateResponse(properties=wire.struct({**unknown, **inputs}))
        self._account.count("create")
        self._account.deleted.discard(request.urn.rsplit("::", 1)[-1])
        named = identities.name_input(token)
        try:
            if named is not None and isinstance(inputs.get(named), str):
                self._account.claim(token, _scoped(inputs, named), request.urn)
        except ValueError as error:
            context.abort(grpc.StatusCode.ALREADY_EXISTS, str(error))
        nonce = self._account.next_number()
        resource_id, outputs = computed_outputs.outputs(token, request.urn, inputs, self._site, nonce)
        with _refusing(context):
            self._account.live.create(request.urn, token, inputs, outputs)
        if token == node_groups.TOKEN:
            self._account.groups.create(inputs)
        return provider_pb2.CreateResponse(id=resource_id, properties=wire.struct(outputs))

    def Update(self, request: Any, context: Any) -> Any:  # noqa: N802 - the engine's own name
        """Change the inputs; keep the outputs that AWS assigned at creation."""
        token, inputs = _type_of(request.urn), wire.plain(request.news)
        old, old_inputs = wire.plain(request.olds), wire.plain(request.old_inputs)
        merged: dict[str, Any] = _changed(old, old_inputs, inputs)
        if request.preview:
            merged |= dict.fromkeys(computed_outputs.renewed_by_update(token), wire.UNKNOWN)
        else:
            self._account.count("update")
            with _refusing(context):
                self._account.live.update(request.urn, token, inputs)
                if token == node_groups.TOKEN:
                    self._account.groups.update(old_inputs, inputs)
            for name in computed_outputs.renewed_by_update(token):
                merged[name] = int(old.get(name) or 1) + 1
        if "tagsAll" in old:
            merged["tagsAll"] = inputs.get("tags") or {}
        return provider_pb2.UpdateResponse(properties=wire.struct(merged))

    def Delete(self, request: Any, context: Any) -> Any:  # noqa: N802 - the engine's own name
        """Refuse to delete what AWS would protect; forget the rest."""
        token, state = _type_of(request.urn), wire.plain(request.properties)
        guard = _PROTECTED_BY.get(token)
        if guard is not None and state.get(guard) is True:
            reason = f"{guard} is on: set it to false and update before deleting (simulated)"
            context.abort(grpc.StatusCode.FAILED_PRECONDITION, reason)
        self._account.count("delete")
        with _refusing(context):
            self._account.live.delete(request.urn, token, state)
        if token == node_groups.TOKEN:
            self._account.groups.delete(state)
        named = identities.name_input(token)
        if named is not None:
            self._account.release(token, _scoped(state, named))
        return Empty()

    def Read(self, request: Any, context: Any) -> Any:  # noqa: N802 - the engine's own name
        """Return the known state, or nothing of a resource that somebody deleted."""
        if request.urn.rsplit("::", 1)[-1] in self._account.deleted:
            return provider_pb2.ReadResponse()
        return provider_pb2.ReadResponse(id=request.id, properties=request.properties, inputs=request.inputs)

    def Invoke(self, request: Any, context: Any) -> Any:  # noqa: N802 - the engine's own name
        """Answer a read-only function."""
        self._account.count("invoke")
        try:
            arguments = wire.plain(request.args)
            result = self._account.groups.answer(request.tok, arguments)
            if result is None:
                result = functions.call(request.tok, arguments, self._site)
        except functions.UnknownFunctionError as error:
            failure = provider_pb2.CheckFailure(property="", reason=str(error))
            return provider_pb2.InvokeResponse(failures=[failure])
        response = provider_pb2.InvokeResponse()
        getattr(response, "return").CopyFrom(wire.struct(result))
        return response

    def Cancel(self, request: Any, context: Any) -> Any:  # noqa: N802 - the engine's own name
        """Do nothing: no call takes long."""
        return Empty()

    def _send_notice(self) -> None:
        """Send the notice to the engine, once per run."""
        if self._notice_sent or not self._engine_address:
            return
        self._notice_sent = True
        with grpc.insecure_channel(self._engine_address) as channel:
            engine_pb2_grpc.EngineStub(channel).Log(
                engine_pb2.LogRequest(severity=engine_pb2.INFO, message=NOTICE, urn="")
            )


def serve(site: Site, account: Account, *, foresees: bool = False) -> tuple[int, Callable[[], None]]:
    """Serve a simulated provider on a loopback port; return the port and a function that stops the server.

    Args:
        site: account and region of its resources.
        account: content of the account.
        foresees: whether previews get the outputs that AWS would return, so that plans contain policies.
    """
    options = [
        ("grpc.max_receive_message_length", _MESSAGE_BYTES),
        ("grpc.max_send_message_length", _MESSAGE_BYTES),
    ]
    server = grpc.server(ThreadPoolExecutor(max_workers=8), options=options)
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(
        SimulatedAws(site, account, foresees=foresees), server
    )
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()

    def end() -> None:
        server.stop(grace=1).wait()

    return port, end


@contextlib.contextmanager
def _refusing(context: Any) -> Generator[None]:
    """Abort the engine's call where AWS would refuse it."""
    try:
        yield
    except RefusedError as error:
        context.abort(grpc.StatusCode.FAILED_PRECONDITION, f"{error} (simulated)")


def _changed(state: Any, old: Any, new: Any) -> Any:
    """Return a state with new inputs; values that AWS added to the old ones stay, inside blocks too."""
    if not all(isinstance(each, dict) for each in (state, old, new)):
        return new
    added = {name: value for name, value in state.items() if name not in old}
    return added | {name: _changed(state.get(name), old.get(name), value) for name, value in new.items()}


def _scoped(values: dict[str, Any], named: str) -> str:
    """Return a physical name, qualified by the scope in which it must be unique."""
    scopes = [str(values[key]) for key in ("clusterName", "role") if values.get(key)]
    return "/".join([*scopes, str(values.get(named))])


def _type_of(urn: str) -> str:
    """Return a resource's own type from its URN, which also lists its parents' types."""
    return urn.split("::")[2].split("$")[-1]


def _failures(faults: list[checks.Fault]) -> list[Any]:
    return [
        provider_pb2.CheckFailure(property=each.input, reason=f"{each.path} {each.reason}".strip())
        for each in faults
    ]


def _detailed(changed: list[str], replaces: list[str]) -> dict[str, Any]:
    kinds = provider_pb2.PropertyDiff
    tops = {path.split(".")[0] for path in replaces}
    details = {
        name: kinds(kind=kinds.UPDATE_REPLACE if name in tops else kinds.UPDATE, inputDiff=True)
        for name in changed
    }
    return details | {path: kinds(kind=kinds.UPDATE_REPLACE, inputDiff=True) for path in replaces}
