package driver

import (
	"fmt"

	"github.com/kubeflow/pipelines/api/v2alpha1/go/pipelinespec"
	"github.com/kubeflow/pipelines/backend/src/v2/metadata"
	pb "github.com/kubeflow/pipelines/third_party/ml-metadata/go/ml_metadata"
)

// hasRun says whether a branch of a condition was taken. What takes its output starts after all branches have ended,
// so none is running; a branch whose steps all came from the cache is never marked as complete.
func hasRun(task *metadata.Execution) bool {
	state := task.GetExecution().GetLastKnownState()
	return state != pb.Execution_CANCELED && state != pb.Execution_FAILED
}

// ranBranch returns which of the artifacts that dsl.OneOf names is there: that of the branch which was taken. With a
// single selector there is no choice.
func ranBranch(
	selectors []*pipelinespec.DagOutputsSpec_ArtifactSelectorSpec,
	tasks map[string]*metadata.Execution,
	parent *metadata.Execution,
) (*pipelinespec.DagOutputsSpec_ArtifactSelectorSpec, error) {
	if len(selectors) == 1 {
		return selectors[0], nil
	}
	for _, selector := range selectors {
		name := metadata.GetTaskNameWithDagID(selector.GetProducerSubtask(), parent.GetID())
		if task, exists := tasks[name]; exists && hasRun(task) {
			return selector, nil
		}
	}
	return nil, fmt.Errorf("dsl.OneOf: none of its %d branches has run", len(selectors))
}
