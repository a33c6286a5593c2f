import json

import pytest

from cluster import index_pages
from cluster.index_pages import File

URL = "https://packages.example.com/simple/demo/"
WHEEL = File(
    name="demo-1.0-py3-none-any.whl",
    url="https://packages.example.com/files/demo-1.0-py3-none-any.whl",
    sha256="ab" * 32,
    requires_python=">=3.9,<4",
    metadata=True,
)
YANKED = File(
    name="demo-0.9.tar.gz",
    url="https://packages.example.com/simple/demo/demo-0.9.tar.gz",
    yanked='a "bad" build',
)


def test_a_page_of_json_is_read() -> None:
    files = [
        {
            "filename": WHEEL.name,
            "url": "/files/demo-1.0-py3-none-any.whl",
            "hashes": {"sha256": WHEEL.sha256},
            "requires-python": WHEEL.requires_python,
            "core-metadata": {"sha256": "cd" * 32},
            "yanked": False,
        },
        {"filename": YANKED.name, "url": "demo-0.9.tar.gz", "hashes": {}, "yanked": YANKED.yanked},
    ]
    text = json.dumps({"name": "demo", "files": files})
    assert index_pages.read(URL, f"{index_pages.JSON}; charset=utf-8", text) == (WHEEL, YANKED)


def test_a_page_of_html_is_read() -> None:
    text = f"""<a href="../../files/{WHEEL.name}#sha256={WHEEL.sha256}" data-requires-python="&gt;=3.9,&lt;4"
    data-dist-info-metadata="sha256=cd">{WHEEL.name}</a>
    <a href="demo-0.9.tar.gz" data-yanked="a &quot;bad&quot; build">demo</a><a name="no link">x</a>"""
    assert index_pages.read(URL, "text/html", text) == (WHEEL, YANKED)


def test_what_is_written_is_what_was_read_but_for_its_place() -> None:
    page = index_pages.written("demo", (WHEEL, YANKED))
    again = index_pages.read("http://index/simple/demo/", "text/html", page)
    assert [each.url for each in again] == [
        f"http://index/files/demo/{each.name}" for each in (WHEEL, YANKED)
    ]
    assert [(each.sha256, each.requires_python, each.yanked, each.metadata) for each in again] == [
        (each.sha256, each.requires_python, each.yanked, each.metadata) for each in (WHEEL, YANKED)
    ]


@pytest.mark.parametrize(
    ("name", "found"),
    [("My.Pack__age", "my-pack-age"), ("a", "a"), ("..", None), ("a b", None), ("-a", None)],
)
def test_names_are_compared_as_indexes_do(name: str, found: str | None) -> None:
    assert index_pages.normalized(name) == found
