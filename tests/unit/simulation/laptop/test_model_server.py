"""One process that serves models: the image's program, ready or ended with a reason."""

import sys
from collections.abc import Generator
from pathlib import Path

import pytest

from simulation.laptop import serving_environment
from simulation.laptop.model_server import ModelServer
from simulation.laptop.process_group import ProcessGroup
from tests.fixtures.ports import free_port

_READY = """
import http.server, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
port = next(int(each.partition("=")[2]) for each in sys.argv if each.startswith("--http_port="))
http.server.HTTPServer(("127.0.0.1", port), Handler).serve_forever()
"""
_ENDS = "import sys; print('long story', file=sys.stderr); sys.exit(f'cannot load {sys.argv[1:3]}')"


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Generator[ModelServer]:
    monkeypatch.setattr(serving_environment, "IMAGE", tmp_path)
    (tmp_path / "Dockerfile").write_text("FROM x\nENV A=1 B=2\n")
    monkeypatch.setattr(serving_environment, "python", lambda: Path(sys.executable))
    with ProcessGroup() as group:
        yield ModelServer(group, free_port(), tmp_path / "log")


def _program(folder: Path, text: str) -> None:
    (folder / "predictor.py").write_text(text)


def test_it_is_ready_when_it_answers(server: ModelServer, tmp_path: Path) -> None:
    _program(tmp_path, _READY)
    server.serve("wine", tmp_path, {})
    assert server.why_not_ready() == ""
    server.stop()
    assert server.why_not_ready()


def test_the_last_line_of_its_log_says_why_it_ended(server: ModelServer, tmp_path: Path) -> None:
    _program(tmp_path, _ENDS)
    server.serve("wine", Path("/models/1"), {})
    assert server.why_not_ready() == "cannot load ['--model_name=wine', '--model_dir=/models/1']"


def test_it_gets_the_images_variables(server: ModelServer, tmp_path: Path) -> None:
    _program(tmp_path, "import os, sys; sys.exit(os.environ['A'] + os.environ['B'] + os.environ['C'])")
    server.serve("wine", tmp_path, {"A": "0", "C": "3"})
    assert server.why_not_ready() == "123"


def test_another_model_takes_the_place_of_the_one_before(server: ModelServer, tmp_path: Path) -> None:
    _program(tmp_path, _READY)
    for name in ("wine", "beer"):
        server.serve(name, tmp_path, {})
        assert server.why_not_ready() == ""
