"""A real API server evaluates the rules: tests/integration/components/test_rollout_admission.py."""

import dataclasses
from dataclasses import replace
from typing import Any

from components.delivery import rollout_definition
from delivery.experiments.records import ExperimentState
from delivery.rollouts.records import Counts, Status, Step
from infra.settings.rollouts import RolloutSettings, StepSettings
from workloads.serving.experiment_request import Experiment, Metric, OnNoDifference
from workloads.serving.model_rollout import Phase, rollout_body

DEFINITION = rollout_definition.definition()
(VERSION,) = DEFINITION["spec"]["versions"]
PROPERTIES: dict[str, Any] = VERSION["schema"]["openAPIV3Schema"]["properties"]
SPEC, STATUS = (PROPERTIES[each]["properties"] for each in ("spec", "status"))


def test_the_definition_has_the_name_that_its_group_and_plural_make() -> None:
    spec = DEFINITION["spec"]
    assert DEFINITION["metadata"]["name"] == f"{spec['names']['plural']}.{spec['group']}"
    assert (spec["group"], VERSION["name"], spec["names"]["kind"], spec["scope"]) == (
        "delivery.plinth.dev",
        "v1alpha1",
        "ModelRollout",
        "Namespaced",
    )
    assert (VERSION["served"], VERSION["storage"]) == (True, True)


def test_who_may_ask_for_a_rollout_does_not_say_how_far_it_is() -> None:
    assert VERSION["subresources"] == {"status": {}}


def test_every_field_of_a_request_is_defined_and_those_that_it_always_has_are_required() -> None:
    body = rollout_body(
        "x", "models", model_name="wine", version="2", digest="0" * 64, reason="test", steps=[]
    )
    assert body["apiVersion"] == f"{DEFINITION['spec']['group']}/{VERSION['name']}"
    assert body["spec"].keys() <= SPEC.keys()
    assert {*PROPERTIES["spec"]["required"]} == body["spec"].keys() - {"steps"}


def test_the_defaults_of_a_stack_are_fields_of_a_rollout_within_the_same_bounds() -> None:
    step = StepSettings(weight=5, seconds=60)
    defaults = RolloutSettings(steps=(step,)).as_defaults()
    assert defaults.keys() <= SPEC.keys()
    assert defaults["steps"][0].keys() == SPEC["steps"]["items"]["properties"].keys()
    for section, key, schema in (
        (StepSettings, "weight", SPEC["steps"]["items"]["properties"]["weight"]),
        (StepSettings, "seconds", SPEC["steps"]["items"]["properties"]["seconds"]),
        (RolloutSettings, "maxErrorRatio", SPEC["maxErrorRatio"]),
        (RolloutSettings, "deadlineSeconds", SPEC["deadlineSeconds"]),
        (RolloutSettings, "bakeSeconds", SPEC["bakeSeconds"]),
    ):
        settings = section.model_json_schema()["properties"][key]
        for bound in ("minimum", "maximum"):
            assert schema[bound] == settings[bound], f"{key} {bound}"


def test_every_field_that_the_controller_reports_is_defined() -> None:
    seen = Counts(weight=5, canary=1, canary_failed=1, stable=1, stable_failed=1)
    status = Status(phase=Phase.PROGRESSING, counts=(seen,), evidence={"errors": 1.5}).to_json()
    assert status.keys() == STATUS.keys()
    (count,) = status["counts"]
    assert count.keys() == STATUS["counts"]["items"]["properties"].keys()


def test_what_a_rollout_is_about_cannot_change_under_way_and_what_steers_it_can() -> None:
    fixed, *_ = PROPERTIES["spec"]["x-kubernetes-validations"]
    unchanged = {each for each in SPEC if f"self.{each} == oldSelf.{each}" in fixed["rule"]}
    assert SPEC.keys() - unchanged == {"deadlineSeconds", "bakeSeconds", "approval", "abort"}
    assert unchanged == {each.strip() for each in fixed["message"].partition(" cannot")[0].split(",")}
    # A step of the controller's own is one of the spec.
    assert {each.name for each in dataclasses.fields(Step)} == SPEC["steps"]["items"]["properties"].keys()


def test_each_refusal_says_in_one_line_what_to_do() -> None:
    rules = [
        *PROPERTIES["spec"]["x-kubernetes-validations"],
        *SPEC["steps"]["x-kubernetes-validations"],
        *SPEC["experiment"]["x-kubernetes-validations"],
    ]
    assert len(rules) == 6
    for each in rules:
        assert len(each["message"]) > 20
        assert "\n" not in each["message"]
        assert ": " in each["message"], "what is wrong, then what to do"


def test_an_experiment_is_asked_for_in_the_words_of_its_request() -> None:
    known = SPEC["experiment"]["properties"]
    asked = Experiment(metric=Metric.ACCURACY, minimum_effect=0.05)
    assert known.keys() == asked.to_json().keys()
    assert known["metric"]["enum"] == [*Metric]
    assert known["onNoDifference"]["enum"] == [*OnNoDifference]
    for field, bounds in (("share", "share"), ("maxSeconds", "max_seconds")):
        below = replace(asked, **{bounds: known[field]["minimum"] - 1})
        assert (below.problem() != "", replace(asked, **{bounds: known[field]["minimum"]}).problem()) == (
            True,
            "",
        )
    assert replace(asked, share=known["share"]["maximum"] + 1).problem()


def test_every_figure_of_an_experiment_is_defined() -> None:
    state = ExperimentState(low=0.0, high=1.0).to_json()
    known = STATUS["experiment"]["properties"]
    assert state.keys() == known.keys()
    assert state["champion"].keys() == known["champion"]["properties"].keys()


def test_the_columns_of_kubectl_are_fields_that_exist() -> None:
    columns = {each["name"]: each["jsonPath"] for each in VERSION["additionalPrinterColumns"]}
    assert [*columns] == ["Model", "Version", "Phase", "Weight", "Reason", "Age"]
    for path in columns.values():
        section, _, field = path.removeprefix(".").partition(".")
        assert section == "metadata" or field in PROPERTIES[section]["properties"], path
