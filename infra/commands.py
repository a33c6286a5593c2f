"""Command line `python -m infra COMMAND --stack STACK`: runs Pulumi on a stack, or reports on it."""

import argparse
import json
import os
import shlex
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from cluster.errors import ClusterError
from components import images
from components.images import ImageError
from components.versions import VersionError
from infra import changes, image_digests, mirrored_images
from infra.account import commands as account
from infra.engine import programs
from infra.engine.engine import Engine
from infra.errors import InfraError, SettingsError
from infra.installation import Installation, settings
from infra.parts import PARTS, SECRET_KEYS
from infra.parts.plan import plan
from infra.settings import reader
from infra.settings.cluster import EksSettings
from upstream.cache import UpstreamError, write_atomically


def _outputs(options: argparse.Namespace) -> int:
    stack = Installation.from_options(options)
    outputs, cluster = stack.engine.outputs(), stack.settings.cluster
    if isinstance(cluster, EksSettings):
        outputs["kubeconfig"] = _write_kubeconfig(stack.engine)
    elif cluster.kubeconfig is None:
        endpoints = stack.instance.endpoints()
        outputs |= {"kubeconfig": endpoints.kubeconfig, **_gateway(endpoints.gateway, outputs)}
    else:
        outputs["kubeconfig"] = str(Path(cluster.kubeconfig).expanduser())
    for each in ("gateway_authority", "identity_authority"):
        if each in outputs:
            outputs[each] = _write_authority(stack.engine, each, outputs[each])
    print(json.dumps(outputs, indent=1, sort_keys=True))
    return 0


def _env(options: argparse.Namespace) -> int:
    """Print what a shell needs to run `pulumi` itself; it is told neither a backend nor a passphrase."""
    folder = Path(sys.prefix) / "pulumi"
    programs.place_all(folder)
    installation = Installation.from_options(options)
    lines = [f'export PATH={shlex.quote(str(folder))}:"$PATH"']
    if installation.kubeconfig is not None:
        lines.append(f"export KUBECONFIG={shlex.quote(str(installation.kubeconfig))}")
    print("\n".join(lines))
    return 0


def _gateway(url: str, outputs: Mapping[str, Any]) -> dict[str, str]:
    """Return URL and address of the gateway, which this machine forwards; the cluster knows of no TLS."""
    if "gateway_authority" not in outputs:
        return {"gateway_url": url}
    return {
        "gateway_url": urlsplit(url)._replace(scheme="https").geturl(),
        "gateway_address": urlsplit(url).hostname or "",
    }


def _write_authority(engine: Engine, output: str, content: str) -> str:
    """Write the certificate of an authority, for clients that take a file; return its path."""
    path = engine.folder / f"{output.replace('_', '-')}.pem"
    write_atomically(path, content)
    return str(path)


def _write_kubeconfig(engine: Engine) -> str | None:
    """Write the kubeconfig of a cluster that the stack created; return its path."""
    content = engine.secret_output("kubeconfig")
    if content is None:
        return None
    path = engine.folder / "kubeconfig"
    path.touch(mode=0o600)
    path.write_text(content)
    return str(path)


def _password(options: argparse.Namespace) -> int:
    """Print the password with which the one user of a local login signs in."""
    found = Installation.from_options(options).engine.secret_output("identity_password")
    if not found:
        raise SettingsError(
            f"stack {options.stack} has no local login: set plinth:identity to {{kind: local}}, then run `up`"
        )
    print(found)
    return 0


def _images(options: argparse.Namespace) -> int:
    chosen = settings(options.stack)
    if options.mirrored:
        for source, copy in mirrored_images.pairs(chosen):
            print(f"{source}={copy}")
        return 0
    for name in plan(chosen, PARTS).images:
        if images.is_own(name) or not options.own:
            reference = images.reference(name, chosen.registry, mirrored=chosen.images.mirror)
            on_this_machine = not chosen.registry
            digest = (
                image_digests.digest(reference, on_this_machine=on_this_machine) if options.digests else ""
            )
            print(f"{name}={reference} {digest}".rstrip(), flush=True)
    return 0


def _schema(_: argparse.Namespace) -> int:
    print(json.dumps(reader.schema(SECRET_KEYS), indent=2))
    return 0


_COMMANDS: Mapping[str, tuple[Callable[[argparse.Namespace], int], str]] = {
    "up": (changes.deploy, "install or update the platform"),
    "preview": (changes.deploy, "show what `up` would change"),
    "destroy": (changes.destroy, "delete everything that `up` installed"),
    "rotate": (changes.rotate, "replace one secret and update everything that uses it"),
    "env": (_env, "print shell commands that put Pulumi on PATH and name the cluster"),
    "outputs": (_outputs, "print the stack's outputs, its kubeconfig and its gateway's URL as JSON"),
    "password": (_password, "print the password of `admin`, the user of a local login"),
    "images": (_images, "print NAME=REFERENCE of every image that the stack uses"),
    "bootstrap": (
        account.bootstrap,
        "create a bucket for the stack's state on AWS, and a key for its secrets",
    ),
    "policy": (account.policy, "print the IAM policies that `up` of a stack on AWS needs"),
    "preflight": (
        account.preflight,
        "check that the AWS account has everything the stack needs; changes nothing",
    ),
    "leftovers": (account.leftovers, "list what a destroyed stack has left in its AWS account"),
    "cost": (account.estimate, "estimate the monthly cost of a stack on AWS, by component"),
    "schema": (_schema, "print the JSON schema of stack files"),
}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m infra", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    default_name = os.environ.get("PLINTH_INSTANCE") or "default"
    for name, (_, text) in _COMMANDS.items():
        sub = commands.add_parser(name, help=text, description=text)
        sub.add_argument(
            "--stack",
            default="local",
            help="stack file to use: stacks/Pulumi.STACK.yaml (default: %(default)s)",
        )
        sub.add_argument("--name", default=default_name, help="cluster instance (default: %(default)s)")
        if name == "images":
            sub.add_argument(
                "--own",
                action="store_true",
                help="only images that this repository builds and no public registry has",
            )
            other = sub.add_mutually_exclusive_group()
            other.add_argument(
                "--digests",
                action="store_true",
                help="print the digest by which nodes pull it too, as its registry has it now",
            )
            other.add_argument(
                "--mirrored",
                action="store_true",
                help="print SOURCE=TARGET of images that the stack's registry mirrors (images.mirror)",
            )
        if name == "cost":
            sub.add_argument("--json", action="store_true", help="print JSON")
            sub.add_argument(
                "--table", action="store_true", help="print a Markdown table of all stacks on AWS"
            )
            sub.add_argument(
                "--diff",
                nargs=2,
                metavar=("BEFORE", "AFTER"),
                help="print what the second costs more than the first: stacks, or paths of stack files",
            )
        if name == "policy":
            sub.add_argument("--folder", help="write each policy into a file here, as small as AWS counts it")
        if name == "rotate":
            sub.add_argument("secret", help="name of the secret; an unknown one lists them all")
        if name == "destroy":
            sub.add_argument(
                "--with-cluster",
                action="store_true",
                help="the cluster of this machine is removed next: leave to it what is not deleted in time",
            )
        if name in ("up", "preview"):
            sub.add_argument("--expect-no-changes", action="store_true", help="fail if anything changes")
    return parser


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; return the exit code."""
    options = _parser().parse_args(arguments)
    action, _ = _COMMANDS[options.command]
    try:
        return action(options)
    except (InfraError, ClusterError, UpstreamError, ImageError, VersionError) as error:
        print(f"error: {error}", file=sys.stderr)
    except KeyboardInterrupt:
        print("error: interrupted; run the same command again to continue", file=sys.stderr)
    return 1
