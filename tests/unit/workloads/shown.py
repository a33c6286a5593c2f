"""A finished run and the evidence of its model, as commands show them."""

from workloads.lineage import HeldBack
from workloads.pipeline_runs import PipelineRun, Step

EVIDENCE = HeldBack(
    features=["x"],
    classes=["a", "b"],
    rows=[[1.0], [2.0]],
    labels=["a", "b"],
    predicted=["a", "b"],
    probabilities=[[0.75, 0.25], [0.125, 0.875]],
)
STEP = Step(name="train", phase="Succeeded", cached=True, seconds=7.0)
RUN = PipelineRun(run_id="p2", state="SUCCEEDED", reason="", seconds=90.5, steps=(STEP,))
