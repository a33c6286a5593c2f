"""Completes the build folder of the Kubernetes provider. Run as `python prepare.py BUILD_DIR`.

The provider embeds schema files from its module's folder. Of Pulumi's Go SDK it needs one function, which has a case for
each of Kubernetes' kinds: 25 MB of generated types, only to send what the provider has untyped.
"""

import re
import shutil
import sys
from pathlib import Path

from upstream.copies import copied, located

_PROVIDER = "github.com/pulumi/pulumi-kubernetes/provider/v4"
_SDK = "github.com/pulumi/pulumi-kubernetes/sdk/v4"
_CASE = re.compile(
    r'\tcase "(?P<version>[^"]+)/(?P<kind>\w+)":\n\t\tvar res \w+\.(?P=kind)\n'
    r'\t\terr := ctx\.RegisterResource\("(?P<token>[^"]+)".*\n(?:\t\t.*\n)+'
)
_SIGNATURE = re.compile(r"^func RegisterResource\(.*\n.*\{\n", re.MULTILINE)
_GENERATED = re.compile(rf'^\t\w+ "{re.escape(_SDK)}/.*"\n', re.MULTILINE)


def _untyped(source: str) -> str:
    """Leave only the case of kinds that the SDK does not know, which builds the same type token.

    Raises:
        SystemExit: a case does more, or has another token, than that one.
    """

    def leave_out(case: re.Match[str]) -> str:
        version = "core/v1" if case["version"] == "v1" else case["version"]
        if case["token"] != f"kubernetes:{version}:{case['kind']}":
            raise SystemExit(f"{_SDK} sends {case['token']} for {case['version']}/{case['kind']}")
        return ""

    source, cases = _CASE.subn(leave_out, source)
    source, signatures = _SIGNATURE.subn(
        lambda found: f'{found[0]}\tif apiVersion == "v1" {{\n\t\tapiVersion = "core/v1"\n\t}}\n', source
    )
    if cases < 100 or signatures != 1 or source.count("ctx.RegisterResource(") != 1:
        raise SystemExit(f"{_SDK} registers resources in another way ({cases} kinds known)")
    return _GENERATED.sub("", source)


def main(build: Path) -> None:
    """Take the schema files; leave out the SDK's types."""
    source = located(build, _PROVIDER) / "cmd" / "pulumi-resource-kubernetes"
    for name in ("schema.json", "terraform-mapping.json"):
        shutil.copyfile(source / name, build / name)
    kinds = copied(build, _SDK) / "go/kubernetes/yaml/v2/kinds.go"
    kinds.write_text(_untyped(kinds.read_text()))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
