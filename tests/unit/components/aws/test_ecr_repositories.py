import dataclasses
import json
from functools import cache

import pytest

from components import images
from components.aws.ecr_repositories import (
    EcrRepositories,
    EcrRepositoriesArgs,
    lifecycle_policy,
    registry,
)
from tests.fixtures.recorder import Deployment, deploy
from tests.unit.components import rules
from tests.unit.components.aws import policies

KEY = "arn:aws:kms:eu-central-1:123456789012:key/data"
IMAGES = ("mlflow-server", "workload")
ARGS = EcrRepositoriesArgs(prefix="prod", images=IMAGES, kms_key_arn=KEY, tags={"stack": "prod"})


@cache
def deployed(*, preview: bool = False, **changes: object) -> Deployment[EcrRepositories]:
    args = dataclasses.replace(ARGS, **changes)  # pyright: ignore[reportArgumentType]
    return deploy(lambda: EcrRepositories("images", args), preview=preview)


def test_everything_uses_the_one_provider() -> None:
    policies.assert_one_provider(lambda name, opts: EcrRepositories(name, ARGS, opts))


@pytest.mark.parametrize("preview", [False, True])
def test_everything_is_tagged_and_below_the_component(preview: bool) -> None:
    deployment = deployed(preview=preview)
    rules.assert_children_of_one_component(deployment, "EcrRepositories")
    policies.assert_tagged(deployment, {"stack": "prod"})


def test_every_image_of_ours_has_a_repository_where_components_look_for_it() -> None:
    prefix = registry("123456789012", "eu-central-1", "prod")
    wanted = {images.reference(name, prefix).rpartition(":")[0] for name in IMAGES}
    names = {each.inputs["name"] for each in deployed().of_type("Repository")}
    assert len(wanted) == len(IMAGES)
    assert {f"123456789012.dkr.ecr.eu-central-1.amazonaws.com/{name}" for name in names} == wanted


def test_images_are_encrypted_scanned_and_never_replaced() -> None:
    for repository in deployed().of_type("Repository"):
        assert repository.inputs["imageTagMutability"] == "IMMUTABLE"
        assert repository.inputs["imageScanningConfiguration"] == {"scanOnPush": True}
        assert repository.inputs["encryptionConfigurations"] == [{"encryptionType": "KMS", "kmsKey": KEY}]
        assert repository.inputs["forceDelete"] is False


def test_every_repository_forgets_old_versions() -> None:
    deployment = deployed()
    repositories = {each.inputs["name"] for each in deployment.of_type("Repository")}
    lifecycles = {
        each.inputs["repository"]: each.inputs["policy"] for each in deployment.of_type("LifecyclePolicy")
    }
    assert lifecycles.keys() == repositories
    untagged, old = json.loads(lifecycle_policy())["rules"]
    assert untagged["selection"] == {
        "tagStatus": "untagged",
        "countType": "imageCountMoreThan",
        "countNumber": 1,
    }
    assert (old["selection"]["tagStatus"], old["selection"]["countNumber"]) == ("any", 20)
    # ECR wants the rule for any image to come last.
    assert untagged["rulePriority"] < old["rulePriority"]
    assert set(lifecycles.values()) == {lifecycle_policy()}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"prefix": "Prod"}, "prefix: 'Prod'"),
        ({"prefix": "prod/"}, "prefix: 'prod/'"),
        ({"prefix": ""}, "prefix: ''"),
    ],
)
def test_values_that_cannot_work_are_refused(change: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(ARGS, **change)  # pyright: ignore[reportArgumentType]


def test_a_registry_without_images_is_refused() -> None:
    with pytest.raises(ValueError, match="images: none given; name at least one"):
        dataclasses.replace(ARGS, images=())
