"""The controller on a Kubernetes API that stores objects: what it reads, writes and deletes."""

from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from io import BytesIO
from json import dumps, loads
from pathlib import Path
from typing import Any

import pytest
import requests

from delivery.rollouts.cluster import Cluster
from delivery.rollouts.controller import Controller
from delivery.rollouts.records import Defaults
from delivery.rollouts.settings import Settings
from tests.fixtures.stub_cluster import StubCluster, stub_cluster
from workloads import cluster_client
from workloads.serving import model_route
from workloads.serving.inference_service import inference_service
from workloads.serving.model_rollout import rollout_body

_NAMESPACE = "models"
_ROLLOUTS = "/apis/delivery.plinth.dev/v1alpha1/namespaces/models/modelrollouts"
_SERVICES = "/apis/serving.kserve.io/v1beta1/namespaces/models/inferenceservices"
_ROUTES = "/apis/gateway.networking.k8s.io/v1/namespaces/models/httproutes"
_DIGESTS = {"1": "1" * 64, "2": "2" * 64, "3": "3" * 64}


@dataclass
class World:
    """The cluster, and what answers the controller's requests."""

    cluster: StubCluster
    controller: Controller
    aliases: dict[str, str] = field(default_factory=dict[str, str])
    tags: dict[tuple[str, str], Any] = field(default_factory=dict[tuple[str, str], Any])
    files: dict[str, Any] = field(default_factory=dict[str, Any])
    """Artifacts of MLflow's runs."""
    registry_up: bool = True
    asked: int = 0
    """Number of rollouts so far."""
    answered: dict[str, tuple[int, int]] = field(default_factory=dict[str, tuple[int, int]])
    """Version -> good and bad answers of the gateway since it began."""

    def get(self, url: str, **_: Any) -> Any:
        """Answer for predictors, the gateway and MLflow."""
        if url.endswith("/metrics"):
            return _Answer(text="".join(self._metrics(version) for version in self.answered))
        if "/api/2.0/mlflow/" in url and not self.registry_up:
            raise requests.ConnectionError
        if url.endswith("/get-by-name"):
            return _Answer(content={"experiment": {"experiment_id": "3"}})
        if url.endswith("/artifacts/list"):
            return _Answer(content={})
        if "registered-models" in url:
            champion = self.aliases.get("champion")
            return _Answer(
                status_code=200 if champion else 404, content={"model_version": {"version": champion}}
            )
        version = url.partition("wine-v")[2].partition("-")[0]
        return _Answer(content={"properties": {"model_digest": _DIGESTS[version]}})

    def post(self, url: str, json: dict[str, Any], **_: Any) -> Any:
        """Set an alias or a tag, or answer for the run that keeps a record."""
        if not self.registry_up:
            raise requests.ConnectionError
        if url.endswith("/set-tag"):
            self.tags[json["version"], json["key"]] = loads(json["value"])
        elif url.endswith("/runs/create"):
            (name,) = (each["value"] for each in json["tags"] if each["key"] == "rollout.name")
            info = {"run_id": name, "status": "RUNNING", "artifact_uri": f"mlflow-artifacts:/3/{name}"}
            return _Answer(content={"run": {"info": info}})
        elif url.endswith("/alias"):
            self.aliases[json["alias"]] = json["version"]
        return _Answer()

    def put(self, url: str, data: bytes, **_: Any) -> Any:
        """Store an artifact, which must be a new one."""
        assert url not in self.files
        self.files[url] = loads(data)
        return _Answer()

    def _metrics(self, version: str) -> str:
        good, bad = self.answered[version]
        service = f'service="models-wine-v{version}-predictor-http-80@kubernetesgateway"'
        return "".join(
            f'traefik_service_requests_total{{code="{code}",method="POST",{service}}} {count}\n'
            for code, count in (("200", good), ("500", bad))
        )

    def deploy(self, version: str, *, ready: bool = True) -> None:
        """Add the InferenceService of a version."""
        name = f"wine-v{version}"
        service = inference_service(
            name, _NAMESPACE, storage_uri="s3://m/1", runtime="r", service_account="s"
        )
        service["metadata"]["labels"]["plinth.dev/model-name"] = "wine"
        service["status"] = {"conditions": [{"type": "Ready", "status": str(ready)}]}
        self.cluster.add(f"{_SERVICES}/{name}", service)

    def ask(self, version: str, **spec: Any) -> str:
        """Add a rollout and return its name."""
        steps = spec.pop("steps", [])
        self.asked += 1
        name = f"wine-v{version}-{self.asked}"
        body = rollout_body(
            name,
            _NAMESPACE,
            model_name="wine",
            version=version,
            digest=_DIGESTS[version],
            reason="test",
            steps=steps,
            options=spec,
        )
        body["metadata"]["creationTimestamp"] = f"2026-01-01T00:00:{self.asked:02}Z"
        self.cluster.add(f"{_ROLLOUTS}/{name}", body)
        return name

    def tick(self, seconds: float = 2, times: int = 1) -> None:
        """Let the controller do what is due."""
        for _ in range(times):
            self.controller.tick(seconds)

    def phase(self, name: str) -> str:
        """Return the phase of a rollout."""
        return self.cluster.named("modelrollouts")[name]["status"]["phase"]

    def weights(self) -> dict[str, int]:
        """Return the weights of the model's route."""
        return model_route.weights(self.cluster.named("httproutes")["wine-model"], "wine")

    def serve_first(self) -> None:
        """Let version 1 serve."""
        self.deploy("1")
        self.ask("1")
        self.tick(seconds=30, times=3)


@dataclass
class _Answer:
    status_code: int = 200
    content: Any = field(default_factory=dict[str, Any])
    text: str = ""
    headers: dict[str, str] = field(default_factory=dict[str, str])

    def __post_init__(self) -> None:
        self.raw = BytesIO(dumps(self.content).encode())

    def close(self) -> None:
        """Close nothing."""

    def raise_for_status(self) -> None:
        pass

    @property
    def ok(self) -> bool:
        return self.status_code < 400

    def json(self) -> Any:
        return self.content


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Generator[World]:
    with stub_cluster(tmp_path) as cluster:
        settings = Settings(
            tracking={_NAMESPACE: "http://mlflow"},
            domain="test",
            gateway={"name": "traefik", "namespace": "gateway"},
            gateway_pods="app=traefik",
            defaults=Defaults(),
        )
        cluster.add(
            "/api/v1/namespaces/gateway/pods/one",
            {
                "metadata": {"name": "one", "uid": "u1", "labels": {"app": "traefik"}},
                "status": {"podIP": "10.0.0.1"},
            },
        )
        made = World(cluster, Controller(settings, Cluster(cluster_client.connect(str(cluster.kubeconfig)))))
        monkeypatch.setattr(requests.Session, "get", lambda _, url, **more: made.get(url, **more))
        monkeypatch.setattr(requests.Session, "post", lambda _, url, **more: made.post(url, **more))
        monkeypatch.setattr(requests.Session, "put", lambda _, url, **more: made.put(url, **more))
        yield made


def test_the_first_version_gets_a_route_and_the_alias(world: World) -> None:
    world.deploy("1")
    name = world.ask("1")
    world.tick()
    assert (world.phase(name), world.weights(), world.aliases) == ("Baking", {"1": 100}, {"champion": "1"})
    route = world.cluster.named("httproutes")["wine-model"]
    assert route["spec"]["hostnames"] == ["wine-models.test"]
    world.tick(seconds=20)
    assert world.phase(name) == "Promoted"


def test_a_promotion_restarts_no_pod_and_the_former_version_goes_once_it_is_idle(world: World) -> None:
    world.serve_first()
    world.deploy("2")
    name = world.ask("2")
    world.tick()
    assert (world.phase(name), world.weights()) == ("Baking", {"2": 100})
    assert world.aliases == {"champion": "2", "previous": "1"}
    world.tick(seconds=19)
    assert "wine-v1" in world.cluster.named("inferenceservices")
    world.tick(seconds=1)
    assert world.phase(name) == "Promoted"
    world.tick(seconds=8)
    assert "wine-v1" in world.cluster.named("inferenceservices")
    world.tick(seconds=2)
    assert list(world.cluster.named("inferenceservices")) == ["wine-v2"]
    services = [change for change in world.cluster.changes if "inferenceservices" in change]
    assert services == ["DELETE inferenceservices/wine-v1"]


def test_a_version_that_fails_is_rolled_back_by_the_gateways_counters(world: World) -> None:
    world.serve_first()
    world.deploy("2")
    name = world.ask("2", steps=[{"weight": 5, "seconds": 10}])
    world.answered = {"1": (1000, 0), "2": (0, 0)}
    world.tick()
    assert (world.phase(name), world.weights()) == ("Progressing", {"1": 95, "2": 5})
    # Answers of the first tick may still be of the share before it.
    world.answered = {"1": (1050, 0), "2": (0, 1)}
    world.tick()
    assert world.phase(name) == "Progressing"
    world.answered = {"1": (1145, 0), "2": (0, 6)}
    world.tick()
    assert (world.phase(name), world.weights()) == ("RolledBack", {"1": 100})
    assert world.aliases == {"champion": "1"}
    status = world.cluster.named("modelrollouts")[name]["status"]
    assert status["counts"] == [
        {"weight": 5, "canary": 5, "canaryFailed": 5, "stable": 95, "stableFailed": 0}
    ]
    world.tick(seconds=10)
    assert list(world.cluster.named("inferenceservices")) == ["wine-v1"]


def test_a_controller_that_starts_again_goes_on_from_the_status(world: World) -> None:
    world.serve_first()
    world.deploy("2")
    name = world.ask("2", steps=[{"weight": 50, "seconds": 10}])
    world.answered = {"1": (0, 0), "2": (0, 0)}
    world.tick(times=2)
    world.answered = {"1": (200, 0), "2": (200, 0)}
    world.tick()
    settings, cluster = world.controller._settings, world.controller._cluster  # pyright: ignore[reportPrivateUsage]
    world.controller = Controller(settings, cluster)
    world.tick()
    world.answered = {"1": (400, 0), "2": (400, 0)}
    world.tick(seconds=10)
    assert world.phase(name) == "Baking"
    (counts,) = world.cluster.named("modelrollouts")[name]["status"]["counts"]
    assert (counts["canary"], counts["stable"]) == (400, 400)


def test_one_rollout_of_a_model_at_a_time_in_the_order_of_their_creation(world: World) -> None:
    world.serve_first()
    world.deploy("2")
    world.deploy("3")
    first, second = world.ask("2"), world.ask("3")
    world.tick()
    waiting = world.cluster.named("modelrollouts")[second]["status"]
    assert (world.phase(first), waiting["phase"]) == ("Baking", "Pending")
    assert waiting["reason"] == f"waits for rollout {first}"
    world.tick(seconds=20, times=2)
    assert (world.phase(first), world.phase(second), world.weights()) == ("Promoted", "Baking", {"3": 100})


@pytest.mark.parametrize(
    "change",
    [
        lambda route: route["spec"]["rules"][0]["backendRefs"].clear(),
        lambda route: route["spec"]["rules"][0]["backendRefs"][0].update(name="other"),
        lambda route: route["spec"]["hostnames"].append("stolen.test"),
    ],
)
def test_a_route_that_somebody_changed_is_put_back(
    world: World, change: Callable[[dict[str, Any]], None]
) -> None:
    world.serve_first()
    change(world.cluster.named("httproutes")["wine-model"])
    world.tick()
    route = world.cluster.named("httproutes")["wine-model"]
    assert (world.weights(), route["spec"]["hostnames"]) == ({"1": 100}, ["wine-models.test"])


def test_a_route_that_somebody_deleted_is_made_again_and_goes_with_the_last_rollout(world: World) -> None:
    world.serve_first()
    del world.cluster.objects[f"{_ROUTES}/wine-model"]
    world.tick()
    assert world.weights() == {"1": 100}
    for name in list(world.cluster.named("modelrollouts")):
        del world.cluster.objects[f"{_ROLLOUTS}/{name}"]
    world.tick()
    assert world.cluster.named("httproutes") == {}


def test_without_the_registry_a_promotion_waits(world: World) -> None:
    world.serve_first()
    world.deploy("2")
    name = world.ask("2")
    world.registry_up = False
    world.tick()
    assert (world.phase(name), world.weights()) == ("Pending", {"1": 100})
    world.registry_up = True
    world.tick()
    assert (world.phase(name), world.aliases["champion"]) == ("Baking", "2")


@pytest.mark.parametrize("spoil", ["digest", "abort"])
def test_a_rollout_that_ends_before_it_began_takes_nothing_away(world: World, spoil: str) -> None:
    world.serve_first()
    world.deploy("2")
    name = world.ask("2", **({"abort": True} if spoil == "abort" else {}))
    if spoil == "digest":
        world.cluster.named("modelrollouts")[name]["spec"]["digest"] = "0" * 64
    world.tick()
    assert world.phase(name) == "RolledBack"
    world.tick(seconds=30, times=3)
    assert world.weights() == {"1": 100}
    assert list(world.cluster.named("inferenceservices")) == ["wine-v1"]
    # And the next rollout knows what serves.
    world.deploy("3")
    world.ask("3")
    world.tick()
    assert world.aliases == {"champion": "3", "previous": "1"}


@pytest.mark.parametrize(("annotations", "left"), [({"plinth.dev/model-digest": "d"}, False), ({}, True)])
def test_what_an_earlier_release_deployed_goes_with_the_first_rollout(
    world: World, annotations: dict[str, str], *, left: bool
) -> None:
    service = inference_service("wine", _NAMESPACE, storage_uri="s3://m/1", runtime="r", service_account="s")
    service["metadata"]["annotations"] = annotations
    world.cluster.add(f"{_SERVICES}/wine", service)
    world.serve_first()
    assert ("wine" in world.cluster.named("inferenceservices")) is left


def test_how_a_rollout_ended_is_on_record_as_soon_as_the_registry_answers(world: World) -> None:
    world.serve_first()
    world.deploy("2")
    name = world.ask("2", abort=True)
    world.registry_up = False
    world.tick(times=2)
    assert (world.phase(name), ("2", f"rollout.{name}") in world.tags) == ("RolledBack", False)
    world.registry_up = True
    world.tick(times=2)
    record = world.tags["2", f"rollout.{name}"]
    assert (record["ended"], record["before"], record["reason"]) == ("RolledBack", "1", "test")
    assert record["because"] == "version 2 was aborted"
    assert (record["digestBefore"], record["weightsAfter"]) == (_DIGESTS["1"], {"1": 100})
    assert world.files[f"http://mlflow/api/2.0/mlflow-artifacts/artifacts/3/{name}/rollout.json"] == record
    assert world.cluster.named("modelrollouts")[name]["status"]["recorded"]


def test_a_candidate_that_no_rollout_names_is_left_alone(world: World) -> None:
    world.serve_first()
    world.deploy("2")
    world.tick(seconds=100, times=3)
    assert sorted(world.cluster.named("inferenceservices")) == ["wine-v1", "wine-v2"]


def test_nothing_is_written_while_nothing_changes(world: World) -> None:
    world.serve_first()
    before = list(world.cluster.changes)
    world.tick(times=5)
    assert world.cluster.changes == before


def test_ten_rollouts_that_have_ended_are_kept(world: World) -> None:
    world.serve_first()
    for _ in range(12):
        world.ask("1")
        world.tick(seconds=30, times=3)
    assert len(world.cluster.named("modelrollouts")) == 10
    assert world.weights() == {"1": 100}
