"""A repository of Amazon ECR for each image that this repository makes."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

import pulumi
import pulumi_aws as aws
from pulumi import ResourceOptions

from components import images

_PREFIX = re.compile(r"^[a-z0-9]+([._-][a-z0-9]+)*$")


@dataclass(frozen=True, kw_only=True)
class EcrRepositoriesArgs:
    """What the repositories need to know."""

    prefix: str
    """First part of their names; two stacks of one account and region need two, or share one stack's."""
    kms_key_arn: pulumi.Input[str]
    """What encrypts the images."""
    keep_images: int = 20
    """How many versions of an image are kept, the newest first."""
    deletable: bool = False
    """Whether repositories can be deleted with what is in them."""
    tags: Mapping[str, str] = field(default_factory=dict[str, str])
    """Tags on every resource."""

    def __post_init__(self) -> None:
        """Refuse what ECR would refuse."""
        if not _PREFIX.match(self.prefix):
            raise ValueError(
                f"prefix: {self.prefix!r}; use lower-case letters and digits, with single dots, dashes or _ "
                "between them"
            )
        if self.keep_images < 2:
            raise ValueError(f"keep_images: {self.keep_images}; give at least 2, or there is no way back")


def registry(account: str, region: str, prefix: str) -> str:
    """Return what a stack's images.registry must be for its images to come from these repositories."""
    return f"{account}.dkr.ecr.{region}.amazonaws.com/{prefix}"


def own_images() -> list[str]:
    """Return the names of the images that need a repository: upstream's own keep upstream's names."""
    return [name for name in images.names() if images.is_own(name)]


def lifecycle_policy(keep_images: int) -> str:
    """Return the policy that deletes old versions: tags are digests of content, so none is ever moved."""
    rules = [
        _rule(1, "Left-overs of pushes", {"tagStatus": "untagged", "countNumber": 1}),
        _rule(2, "Old versions", {"tagStatus": "any", "countNumber": keep_images}),
    ]
    return json.dumps({"rules": rules}, sort_keys=True)


def _rule(priority: int, description: str, selection: dict[str, str | int]) -> dict[str, object]:
    return {
        "rulePriority": priority,
        "description": description,
        "selection": {"countType": "imageCountMoreThan", **selection},
        "action": {"type": "expire"},
    }


class EcrRepositories(pulumi.ComponentResource):
    """One repository per image of ours."""

    registry: pulumi.Output[str]

    def __init__(self, name: str, args: EcrRepositoriesArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("plinth:index:EcrRepositories", name, {"images": own_images()}, opts)
        child = ResourceOptions(parent=self)
        urls: list[pulumi.Output[str]] = []
        for image in own_images():
            repository = aws.ecr.Repository(
                f"{name}-{image}",
                name=f"{args.prefix}/plinth/{image}",
                image_tag_mutability="IMMUTABLE",
                image_scanning_configuration={"scan_on_push": True},
                encryption_configurations=[{"encryption_type": "KMS", "kms_key": args.kms_key_arn}],
                force_delete=args.deletable,
                tags={"Name": f"{name}-{image}", **args.tags},
                opts=child,
            )
            aws.ecr.LifecyclePolicy(
                f"{name}-{image}-lifecycle",
                repository=repository.name,
                policy=lifecycle_policy(args.keep_images),
                opts=child,
            )
            urls.append(repository.repository_url)
        self.registry = pulumi.Output.all(*urls).apply(
            lambda known: str(known[0]).removesuffix(f"/plinth/{own_images()[0]}")
        )
        self.register_outputs({"registry": self.registry})
