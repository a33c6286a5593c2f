import pytest

from tests.integration.simulation.laptop.laptops import Laptop
from workloads.endpoints import Endpoints


@pytest.fixture(scope="module")
def endpoints(laptop: Laptop) -> Endpoints:
    """The endpoints of the module's local run."""
    return Endpoints.from_file(laptop.endpoints)
