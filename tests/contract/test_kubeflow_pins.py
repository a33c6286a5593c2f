import re

from components import manifests, versions
from components.pipelines.pipelines_api_server import MODULE, PROJECT
from upstream import recipe


def test_the_backend_and_the_sdk_have_one_release() -> None:
    assert manifests.text(PROJECT, MODULE, "VERSION").strip() == versions.python_version("kfp")


def test_the_descriptors_of_the_backend_are_those_of_the_sdk() -> None:
    text = (recipe.FOLDER / PROJECT / "requirements.txt").read_text()
    pins = dict(re.findall(r"^([\w-]+)==(\S+) --hash=sha256:[0-9a-f]{64}$", text, re.MULTILINE))
    assert pins.keys() >= {"kfp-pipeline-spec", "kfp-kubernetes"}
    assert pins == {name: versions.python_version(name) for name in pins}
