"""Runs a Pulumi program against a recording engine: each registration with parent, provider and options."""

import asyncio
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar, cast

import pulumi
from pulumi.runtime import mocks, rpc, stack

T = TypeVar("T")

# Marks of the engine's wire format: `pulumi.runtime.rpc` keeps them private.
_SIGNATURE = "4dabf18193072939515e22adb298388d"
_SECRET = "1b47061264138c4ac30d75fd1eb44270"


@dataclass(frozen=True, kw_only=True)
class Registration:
    """One resource as the program asked the engine for it."""

    urn: str
    type: str
    name: str
    inputs: dict[str, Any]
    secret_inputs: frozenset[str]
    parent: str
    dependencies: frozenset[str]
    provider: str
    protect: bool
    retain_on_delete: bool
    aliases: tuple[str, ...]
    ignore_changes: tuple[str, ...]
    custom: bool
    remote: bool


@dataclass(frozen=True, kw_only=True)
class Deployment(Generic[T]):
    """What a program returned and everything that it registered."""

    result: T
    registrations: list[Registration]
    outputs: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])

    def of_type(self, type_: str) -> list[Registration]:
        """Return the registrations of a type token, or of its last part such as `Deployment`."""
        return [each for each in self.registrations if type_ in (each.type, each.type.rsplit(":", 1)[-1])]

    def one(self, type_: str, name: str | None = None) -> Registration:
        """Return the only registration of a type, or the one with this Pulumi name."""
        found = [each for each in self.of_type(type_) if name in (None, each.name)]
        if len(found) != 1:
            present = sorted(f"{each.type} {each.name}" for each in self.registrations)
            raise AssertionError(
                f"{len(found)} of {type_} {name or ''}, expected 1; registered: {', '.join(present)}"
            )
        return found[0]

    def output(self, name: str) -> dict[str, Any]:
        """Return the registered outputs of the component with this Pulumi name."""
        urn = next(each.urn for each in self.registrations if each.name == name)
        return self.outputs[urn]

    def pods(self) -> dict[str, dict[str, Any]]:
        """Return the pod template's spec of every workload, by its Pulumi name."""
        templated = [each for each in self.registrations if "template" in each.inputs.get("spec", {})]
        # Other kinds have templates too, such as Karpenter's pools, of nodes.
        specs = {each.name: each.inputs["spec"]["template"]["spec"] for each in templated}
        return {name: spec for name, spec in specs.items() if "containers" in spec}


class _Echo(mocks.Mocks):
    def __init__(self, *, preview: bool) -> None:
        self._preview = preview

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str | None, dict[Any, Any]]:
        return ("" if self._preview else f"{args.name}-id"), {**args.inputs, **self._computed(args)}

    def _computed(self, args: mocks.MockResourceArgs) -> dict[str, Any]:
        """Return what AWS makes up for every kind of resource that components hand on."""
        if self._preview or not args.typ.startswith("aws:"):
            return {}
        service = args.typ.split(":")[1].split("/")[0]
        nested: dict[str, Any] = {}
        match args.typ.rpartition(":")[2]:
            case "Cluster":
                nested["vpcConfig"] = {
                    **args.inputs["vpcConfig"],
                    "clusterSecurityGroupId": f"{args.name}-sg",
                }
                nested["certificateAuthority"] = {"data": "Y2E="}
                nested["endpoint"] = f"https://{args.name}.eks.amazonaws.com"
            case "NodeGroup":
                nested["resources"] = [{"autoscalingGroups": [{"name": f"{args.name}-asg"}]}]
            case "LaunchTemplate":
                nested["latestVersion"] = 1
            case _:
                pass
        return {
            "name": args.inputs.get("name") or f"{args.name}-1a2b3c4",
            "arn": f"arn:aws:{service}:eu-central-1:123456789012:{args.name}",
            "address": f"{args.name}.eu-central-1.rds.amazonaws.com",
            "repositoryUrl": f"123456789012.dkr.ecr.eu-central-1.amazonaws.com/{args.inputs.get('name')}",
            **nested,
        }

    def call(self, args: mocks.MockCallArgs) -> tuple[dict[Any, Any], list[tuple[str, str]] | None]:
        raise AssertionError(f"a program may not call {args.token}: components are pure")


class _Recorder(mocks.MockMonitor):
    def __init__(self, *, preview: bool) -> None:
        super().__init__(_Echo(preview=preview))
        self.registrations: list[Registration] = []
        self.outputs: dict[str, dict[str, Any]] = {}

    def RegisterResource(self, request: Any) -> Any:  # noqa: N802 - the engine's own name
        response = super().RegisterResource(request)
        if request.type != "pulumi:pulumi:Stack":
            self.registrations.append(_registration(request, response.urn))
        return response

    def RegisterResourceOutputs(self, request: Any) -> Any:  # noqa: N802 - the engine's own name
        self.outputs[request.urn] = _plain(rpc.deserialize_properties(request.outputs))
        return super().RegisterResourceOutputs(request)


def deploy(program: Callable[[], T], *, preview: bool = False, stack_name: str = "test") -> Deployment[T]:
    """Run a program to its end and return what it registered.

    Args:
        program: makes components; what it returns is in the result.
        preview: whether identifiers of new resources are unknown, as they are in `pulumi preview`.
        stack_name: what `pulumi.get_stack()` answers.
    """
    recorder = _Recorder(preview=preview)
    results: list[T] = []
    with _fresh_loop() as loop:
        mocks.set_mocks(recorder.mocks, project="plinth", stack=stack_name, preview=preview, monitor=recorder)
        loop.run_until_complete(stack.run_pulumi_func(lambda: results.append(program())))
    return Deployment(result=results[0], registrations=recorder.registrations, outputs=recorder.outputs)


@contextmanager
def _fresh_loop() -> Generator[asyncio.AbstractEventLoop, None, None]:
    """Give the SDK a loop of its own, and one per thread in which the recorder answers; close them all."""
    loops: list[asyncio.AbstractEventLoop] = []

    def prepare_thread() -> None:
        loops.append(asyncio.new_event_loop())
        asyncio.set_event_loop(loops[-1])

    prepare_thread()
    executor = ThreadPoolExecutor(max_workers=8, initializer=prepare_thread)
    loops[0].set_default_executor(executor)
    try:
        yield loops[0]
    finally:
        executor.shutdown()
        # An Output made outside the program would belong to no loop: it fails at once, and plainly.
        asyncio.set_event_loop(None)
        for loop in loops:
            loop.close()


def _registration(request: Any, urn: str) -> Registration:
    return Registration(
        urn=urn,
        type=request.type,
        name=request.name,
        inputs=_plain(rpc.deserialize_properties(request.object)),
        secret_inputs=frozenset(key for key, value in request.object.fields.items() if _holds_secret(value)),
        parent=request.parent,
        dependencies=frozenset(request.dependencies),
        provider=request.provider or next(iter(request.providers.values()), ""),
        protect=bool(request.protect),
        retain_on_delete=bool(request.retainOnDelete),
        aliases=tuple(str(alias) for alias in [*request.aliases, *request.aliasURNs]),
        ignore_changes=tuple(request.ignoreChanges),
        custom=bool(request.custom),
        remote=bool(request.remote),
    )


def _holds_secret(value: Any) -> bool:
    kind = value.WhichOneof("kind")
    if kind == "struct_value":
        fields = value.struct_value.fields
        marked = _SIGNATURE in fields and fields[_SIGNATURE].string_value == _SECRET
        return marked or any(_holds_secret(each) for each in fields.values())
    return kind == "list_value" and any(_holds_secret(each) for each in value.list_value.values)


def _plain(value: Any) -> Any:
    """Return the value with whole floats as integers again: the wire format knows only floats."""
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in cast("dict[str, Any]", value).items()}
    if isinstance(value, list):
        return [_plain(each) for each in cast("list[Any]", value)]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, pulumi.Output):
        return "<output>"
    return value
