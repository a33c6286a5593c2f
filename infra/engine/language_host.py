"""Replaces Pulumi's Python language host, which is not available as a Go or Python package.

It runs programs with this interpreter and is used only where no official host is on PATH.
"""

import json
import os
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
from google.protobuf.empty_pb2 import Empty
from pulumi.runtime.proto import language_pb2, language_pb2_grpc, plugin_pb2

# The engine's messages, such as a program's configuration, may exceed gRPC's default limit of 4 MB.
_MESSAGE_BYTES = 400 * 1024 * 1024
# The program's exit code after it has reported its error itself.
_ERROR_SHOWN = 32


class LanguageHost(language_pb2_grpc.LanguageRuntimeServicer):
    """Runs Python programs for the engine."""

    def __init__(self, executor: Path, engine_address: str) -> None:
        self._executor = executor
        self._engine_address = engine_address
        self._child: subprocess.Popen[bytes] | None = None

    def Handshake(self, request: Any, context: Any) -> Any:  # noqa: N802 - named by the protocol
        """Store the engine's address."""
        self._engine_address = request.engine_address or self._engine_address
        return language_pb2.LanguageHandshakeResponse()

    def GetPluginInfo(self, request: Any, context: Any) -> Any:  # noqa: N802 - named by the protocol
        """Return the host's version."""
        return plugin_pb2.PluginInfo(version="0.0.0-plinth")

    def GetRequiredPlugins(self, request: Any, context: Any) -> Any:  # noqa: N802 - named by the protocol
        """Request none: `Engine` installs them."""
        return language_pb2.GetRequiredPluginsResponse()

    def GetRequiredPackages(self, request: Any, context: Any) -> Any:  # noqa: N802 - named by the protocol
        """Request none: `Engine` installs them."""
        return language_pb2.GetRequiredPackagesResponse()

    def GetProgramDependencies(self, request: Any, context: Any) -> Any:  # noqa: N802 - named by the protocol
        """Return no dependencies: uv.lock lists them."""
        return language_pb2.GetProgramDependenciesResponse()

    def RuntimeOptionsPrompts(self, request: Any, context: Any) -> Any:  # noqa: N802 - named by the protocol
        """Return no prompts."""
        return language_pb2.RuntimeOptionsResponse()

    def InstallDependencies(self, request: Any, context: Any) -> Any:  # noqa: N802 - named by the protocol
        """Install nothing: `make setup` installs the dependencies."""
        return iter(())

    def About(self, request: Any, context: Any) -> Any:  # noqa: N802 - named by the protocol
        """Return path and version of the interpreter."""
        return language_pb2.AboutResponse(executable=sys.executable, version=sys.version.split()[0])

    def Cancel(self, request: Any, context: Any) -> Any:  # noqa: N802 - named by the protocol
        """Interrupt the program."""
        self.interrupt()
        return Empty()

    def Run(self, request: Any, context: Any) -> Any:  # noqa: N802 - named by the protocol
        """Run the program until it exits."""
        environment = {
            **os.environ,
            "PULUMI_CONFIG": json.dumps(dict(request.config)),
            "PULUMI_CONFIG_SECRET_KEYS": json.dumps(list(request.configSecretKeys)),
        }
        command = [
            sys.executable,
            "-u",
            str(self._executor),
            *self._arguments(request),
            request.info.entry_point,
        ]
        self._child = subprocess.Popen(
            [*command, *request.args], cwd=request.info.program_directory, env=environment
        )
        code = self._child.wait()
        self._child = None
        if code == _ERROR_SHOWN:
            return language_pb2.RunResponse(bail=True)
        error = f"the Python program ended with exit code {code}" if code else ""
        return language_pb2.RunResponse(error=error)

    def interrupt(self) -> None:
        """Terminate the running program, if any."""
        child = self._child
        if child is not None:
            child.terminate()

    def _arguments(self, request: Any) -> list[str]:
        values = {
            "monitor": request.monitor_address,
            "engine": self._engine_address,
            "project": request.project,
            "root_directory": request.info.root_directory,
            "stack": request.stack,
            "pwd": request.pwd,
            "dry_run": "true" if request.dryRun else "false",
            "parallel": str(request.parallel),
            "organization": request.organization,
        }
        return [part for key, value in values.items() if value for part in (f"--{key}", value)]


def main(arguments: list[str]) -> int:
    """Serve until the engine exits; the first argument is the executor, the last the engine's address."""
    executor, *rest = arguments
    address = rest[-1] if rest and not rest[-1].startswith("-") else ""
    options = [
        ("grpc.max_receive_message_length", _MESSAGE_BYTES),
        ("grpc.max_send_message_length", _MESSAGE_BYTES),
    ]
    server = grpc.server(ThreadPoolExecutor(max_workers=8), options=options)
    host = LanguageHost(Path(executor), address)
    language_pb2_grpc.add_LanguageRuntimeServicer_to_server(host, server)
    port = server.add_insecure_port("127.0.0.1:0")
    stopped = threading.Event()

    def stop(_number: int, _frame: object) -> None:
        host.interrupt()
        stopped.set()

    # The engine stops its plugins with SIGINT and kills those that ignore it after 5 s.
    signal.signal(signal.SIGINT, stop)
    signal.signal(signal.SIGTERM, stop)
    server.start()
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    # A killed engine sends no signal, but the parent process changes.
    engine = os.getppid()
    while not stopped.wait(timeout=1) and os.getppid() == engine:
        pass
    host.interrupt()
    server.stop(grace=1).wait()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
