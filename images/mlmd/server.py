#!/usr/bin/python3
"""ML Metadata's gRPC service over the engine of the ml-metadata package, which ships only a client."""

# The image has these packages; the repository's environment cannot, because they need another protobuf.
# pyright: basic, reportMissingImports=false
import logging
import os
import signal
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
from ml_metadata import errors
from ml_metadata.metadata_store.pywrap.metadata_store_extension import metadata_store as engine
from ml_metadata.proto import metadata_store_pb2

_SERVICE = "ml_metadata.MetadataStoreService"
_MESSAGE_BYTES = 100 * 1024 * 1024
_OPEN_TRIES = 120
_CALL_TRIES = 3
_CODES = {code.value[0]: code for code in grpc.StatusCode}
_log = logging.getLogger("mlmd")


class Store:
    """A connection to MySQL or MariaDB that is reopened when the server drops it."""

    def __init__(self, stopping: threading.Event) -> None:
        self._stopping = stopping
        # The engine's handle is not thread safe.
        self._lock = threading.Lock()
        self._handle = self._open(_OPEN_TRIES)

    def _open(self, tries: int) -> object:
        config = metadata_store_pb2.ConnectionConfig()
        config.mysql.host = os.environ["MLMD_MYSQL_HOST"]
        config.mysql.port = int(os.environ.get("MLMD_MYSQL_PORT", "3306"))
        config.mysql.database = os.environ["MLMD_MYSQL_DATABASE"]
        config.mysql.user = os.environ["MLMD_MYSQL_USER"]
        # The environment of a process can be read by whoever describes or enters its pod.
        config.mysql.password = Path(os.environ["MLMD_MYSQL_PASSWORD_FILE"]).read_text()
        if authorities := os.environ.get("MLMD_MYSQL_AUTHORITIES"):
            # With its option `ca` the client refuses every certificate; it never compares the host's name.
            os.environ["SSL_CERT_FILE"] = authorities
            config.mysql.ssl_options.verify_server_cert = True
        options = metadata_store_pb2.MigrationOptions(enable_upgrade_migration=True)
        for left in range(tries - 1, -1, -1):
            try:
                return engine.CreateMetadataStore(config.SerializeToString(), options.SerializeToString())
            except RuntimeError as error:
                # Until the database is up the error misleadingly names an authentication plugin.
                _log.warning("database %s: %s", config.mysql.host, str(error).splitlines()[0])
                if left == 0 or self._stopping.wait(1):
                    raise
        raise AssertionError(tries)

    def call(self, method: str, request: bytes) -> tuple[bytes, str, int]:
        """Call a method of the engine; retry after a lost connection or an aborted transaction."""
        for left in range(_CALL_TRIES - 1, -1, -1):
            with self._lock:
                response, message, code = getattr(engine, method)(self._handle, request)
                text = message.decode(errors="replace")
                lost = code == errors.INTERNAL and ("Lost connection" in text or "gone away" in text)
                if left == 0 or not (lost or code == errors.ABORTED):
                    break
                if lost:
                    _log.warning("%s: %s; connecting again", method, text)
                    try:
                        self._handle = self._open(5)
                    except RuntimeError as error:
                        return b"", f"database is unreachable: {error}", errors.UNAVAILABLE
        return response, text, code


class Service(grpc.GenericRpcHandler):
    """Passes every call to the engine's function of the same name, as serialized messages."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler | None:
        """Return the handler of a call, or None for a method that the engine does not have."""
        service, _, method = handler_call_details.method.lstrip("/").partition("/")
        if service != _SERVICE or not method.startswith(("Get", "Put")) or not hasattr(engine, method):
            return None

        def handle(request: bytes, context: grpc.ServicerContext) -> bytes:
            response, message, code = self._store.call(method, request)
            if code != errors.OK:
                context.abort(_CODES.get(code, grpc.StatusCode.UNKNOWN), message)
            return response

        return grpc.unary_unary_rpc_method_handler(handle)


def main() -> int:
    """Serve until SIGTERM or SIGINT."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    port = int(os.environ.get("MLMD_PORT", "8080"))
    limits = ("grpc.max_receive_message_length", "grpc.max_send_message_length")
    options = [(limit, _MESSAGE_BYTES) for limit in limits]
    server = grpc.server(ThreadPoolExecutor(16), options=options)
    try:
        server.add_generic_rpc_handlers((Service(Store(stopping)),))
    except RuntimeError as error:
        _log.error("gave up on the database: %s", error)
        return 1
    server.add_insecure_port(f"0.0.0.0:{port}")
    server.start()
    _log.info("serving on port %d", port)
    stopping.wait()
    server.stop(grace=5).wait()
    return 0


if __name__ == "__main__":
    sys.exit(main())
