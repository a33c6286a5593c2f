"""An Amazon ECR repository for each image that a stack pulls from its own registry."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pulumi
import pulumi_aws as aws
from pulumi import ResourceOptions

# Versions of each image that are kept, the newest first.
_KEPT_IMAGES = 20
_PREFIX = re.compile(r"^[a-z0-9]+([._-][a-z0-9]+)*$")


@dataclass(frozen=True, kw_only=True)
class EcrRepositoriesArgs:
    """Inputs of `EcrRepositories`."""

    prefix: str
    """First part of the names; two stacks in one account and region need different ones, or share."""
    images: Sequence[str]
    """Short names of the images that need a repository."""
    kms_key_arn: pulumi.Input[str]
    """KMS key that encrypts the images."""
    deletable: bool = False
    """Whether repositories can be deleted together with their images."""
    tags: Mapping[str, str] = field(default_factory=dict[str, str])
    """Tags on every resource."""

    def __post_init__(self) -> None:
        """Reject what ECR would reject, and a registry without images."""
        if not self.images:
            raise ValueError("images: none given; name at least one")
        if not _PREFIX.match(self.prefix):
            raise ValueError(
                f"prefix: {self.prefix!r}; use lower-case letters and digits, with single dots, dashes or _ "
                "between them"
            )


def registry(account: str, region: str, prefix: str) -> str:
    """Return the value of a stack's images.registry with which its images come from these repositories."""
    return f"{account}.dkr.ecr.{region}.amazonaws.com/{prefix}"


def lifecycle_policy() -> str:
    """Return the policy that deletes old versions; tags are digests of content, so none is ever moved."""
    rules = [
        _rule(1, "Left-overs of pushes", {"tagStatus": "untagged", "countNumber": 1}),
        _rule(2, "Old versions", {"tagStatus": "any", "countNumber": _KEPT_IMAGES}),
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
    """One repository per image."""

    def __init__(self, name: str, args: EcrRepositoriesArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("plinth:index:EcrRepositories", name, {"images": [*args.images]}, opts)
        child = ResourceOptions(parent=self)
        for image in args.images:
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
                policy=lifecycle_policy(),
                opts=child,
            )
        self.register_outputs({})
