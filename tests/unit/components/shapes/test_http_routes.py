from components.shapes import http_routes
from tests.unit.components.sample import GATEWAY


def test_a_route_takes_every_path_of_its_host() -> None:
    spec = http_routes.spec(GATEWAY, "mlflow", "tracking", 5000)
    assert spec["parentRefs"] == [{"name": "traefik", "namespace": "gateway"}]
    assert spec["hostnames"] == ["mlflow.plinth.local"]
    assert spec["rules"] == [{"backendRefs": [{"name": "tracking", "port": 5000}]}]
