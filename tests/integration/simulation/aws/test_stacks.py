"""Every stack on AWS with the real engine: created, left unchanged, changed, destroyed. AWS is simulated, and
the real Kubernetes provider renders objects of the cluster instead of applying them."""

from collections.abc import Generator
from pathlib import Path

import pytest
import yaml

from infra.settings import stack_file
from infra.settings.stack import PROJECT
from simulation.aws import mutable_settings, planned
from simulation.aws.plan_rules import store_connections
from simulation.aws.provider import NOTICE
from simulation.aws.rules import INSTANCE
from simulation.aws.simulation import RENDERED, Simulation, simulated

STACKS = ("dev", "staging", "prod")
pytestmark = pytest.mark.slow


@pytest.fixture
def simulation(request: pytest.FixtureRequest, tmp_path: Path) -> Generator[Simulation]:
    with simulated(request.param, tmp_path / "engine", program=RENDERED) as simulation:
        simulation.engine.prepare()
        yield simulation


@pytest.mark.parametrize("simulation", STACKS, indirect=True)
def test_a_stack_lives_from_its_first_preview_to_its_end(simulation: Simulation) -> None:
    stack, engine = simulation.engine.stack, simulation.engine
    protected = stack_file.settings(stack).protect
    preview = simulation.run_successfully("preview")
    assert not preview.warnings
    assert preview.summary.changes.keys() == {"create"}
    made = simulation.run_successfully("up")
    assert NOTICE in made.notices
    # Rendered files contain generated passwords in clear, and the provider warns about it.
    assert [each for each in made.warnings if not each.startswith("rendered")] == []
    assert not made.summary.failed
    # Rendering knows objects that a preview cannot, such as those in a text of definitions.
    assert made.summary.changes["create"] >= preview.summary.changes["create"]
    files = sorted(engine.rendered.rglob("*.yaml"))
    objects = [each for file in files for each in yaml.safe_load_all(file.read_text()) if each]
    unverified = store_connections.find_unverified(objects)
    assert [f"{each['metadata']['name']}: {reason}" for each, reason in unverified] == []
    clients = [*store_connections.clients(objects)]
    addresses = [each["outputs"]["address"] for each in engine.resources() if each["type"] == INSTANCE]
    assert [each for each in addresses if not any(one.connects_to(each) for one in clients)] == []
    assert len(addresses) == 2
    assert simulation.run_successfully("up", "--expect-no-changes").summary.changed == 0

    changes = mutable_settings.changes_of(stack)
    before = engine.choices()
    engine.choose(mutable_settings.applied(before, changes))
    plan = planned.parse(simulation.run_successfully("preview", "--json").output)
    assert mutable_settings.find_data_loss(plan) == []
    assert mutable_settings.find_unplanned(changes, plan) == []
    assert not simulation.run_successfully("up").summary.failed
    assert simulation.run_successfully("up", "--expect-no-changes").summary.changed == 0

    if protected:
        refused = simulation.run("destroy")
        assert refused.code != 0
        assert any("protect" in error for error in refused.summary.errors), refused.summary.errors
        content = engine.choices()
        content["config"][f"{PROJECT}:protect"] = False
        content["config"][f"{PROJECT}:environment"] = "staging"
        engine.choose(content)
        simulation.run_successfully("up")
    simulation.run_successfully("destroy")
    assert simulation.account.names == {}
