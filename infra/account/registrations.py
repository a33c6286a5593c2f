"""The resources that a stack registers, found by running the program without the engine."""

import asyncio
import contextlib
from collections.abc import Generator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Final

from pulumi.runtime import mocks, stack

from infra.settings.stack import PROJECT, Settings

_THREADS = 8
NOTHING: Final[Mapping[str, dict[str, Any]]] = {
    "aws:autoscaling/getAmiIds:getAmiIds": {"names": [], "arns": []},
    "aws:ec2/getInstances:getInstances": {"ids": []},
}
"""What the program reads of an account, as one without the stack answers."""


@dataclass(frozen=True, kw_only=True)
class Registration:
    """A resource as the program registers it."""

    token: str
    """Its type, such as `aws:s3/bucket:Bucket`."""
    name: str
    """Its name in the program, with which the engine begins a physical name that it generates."""
    inputs: dict[str, Any]


@dataclass(frozen=True)
class _Recorder(mocks.Mocks):
    found: list[Registration] = field(default_factory=list[Registration])

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str | None, dict[Any, Any]]:
        self.found.append(Registration(token=args.typ, name=args.name, inputs=args.inputs))
        # The engine keeps secrets in a resource of its own, whose output the program reads back.
        kept = {"output": args.inputs["input"]} if args.typ == "pulumi:index:Stash" else {}
        return "", {**args.inputs, **kept}

    def call(self, args: mocks.MockCallArgs) -> tuple[dict[Any, Any], list[tuple[str, str]] | None]:
        if args.token not in NOTHING:
            raise AssertionError(f"{args.token}: add its answer in an empty account to {__name__}")
        return NOTHING[args.token], []


def registered(settings: Settings, name: str) -> tuple[Registration, ...]:
    """Return every resource that the program registers for a stack, as in its first preview."""
    # Importing the AWS SDK takes a second, which other commands should not wait for.
    from infra import assembly, target

    def program() -> None:
        assembly.deploy(settings, {}, target.connect(settings))

    recorder = _Recorder()
    with fresh_loop() as loop:
        mocks.set_mocks(recorder, project=PROJECT, stack=name, preview=True)
        loop.run_until_complete(stack.run_pulumi_func(program))
    return tuple(recorder.found)


@contextlib.contextmanager
def fresh_loop() -> Generator[asyncio.AbstractEventLoop]:
    """Give the SDK an event loop of its own, and one to each of its threads; close them all."""
    loops: list[asyncio.AbstractEventLoop] = []

    def prepare_thread() -> None:
        loops.append(asyncio.new_event_loop())
        asyncio.set_event_loop(loops[-1])

    prepare_thread()
    executor = ThreadPoolExecutor(max_workers=_THREADS, initializer=prepare_thread)
    loops[0].set_default_executor(executor)
    try:
        yield loops[0]
    finally:
        executor.shutdown()
        # An Output created outside the program has no loop, so it fails at once.
        asyncio.set_event_loop(None)
        for loop in loops:
            loop.close()
