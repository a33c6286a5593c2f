package driver

import (
	"fmt"

	"github.com/kubeflow/pipelines/api/v2alpha1/go/pipelinespec"
	"github.com/kubeflow/pipelines/backend/src/v2/metadata"
	pb "github.com/kubeflow/pipelines/third_party/ml-metadata/go/ml_metadata"
)

// ranBranch returns which of the artifacts that dsl.OneOf names is there: that of the branch which has run. With a
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
		if task, exists := tasks[name]; exists {
			state := task.GetExecution().GetLastKnownState()
			if state == pb.Execution_COMPLETE || state == pb.Execution_CACHED {
				return selector, nil
			}
		}
	}
	return nil, fmt.Errorf("dsl.OneOf: none of its %d branches has run", len(selectors))
}
