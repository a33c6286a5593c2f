package metadata

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/kubeflow/pipelines/api/v2alpha1/go/pipelinespec"
	pb "github.com/kubeflow/pipelines/third_party/ml-metadata/go/ml_metadata"
)

// ML Metadata stores one event for an execution and its input artifact: neither the order of a list nor that an
// artifact is in it twice, as where the producer was cached. Both are in this property.
const keyInputLists = "input_artifact_lists"

// storeInputLists records the artifacts of each input, and adds one event for each artifact.
func storeInputLists(lists map[string][]int64, request *pb.PutExecutionRequest) error {
	if len(lists) == 0 {
		return nil
	}
	text, err := json.Marshal(lists)
	if err != nil {
		return fmt.Errorf("input artifacts: %w", err)
	}
	request.Execution.CustomProperties[keyInputLists] = StringValue(string(text))
	recorded := map[int64]bool{}
	for name, ids := range lists {
		for _, id := range ids {
			if recorded[id] {
				continue
			}
			recorded[id] = true
			request.ArtifactEventPairs = append(request.ArtifactEventPairs, &pb.PutExecutionRequest_ArtifactAndEvent{
				Event: &pb.Event{ArtifactId: &id, Path: eventPath(name), Type: pb.Event_INPUT.Enum()},
			})
		}
	}
	return nil
}

// inputLists returns the input artifacts of an execution, and false if none are recorded.
func (c *Client) inputLists(
	ctx context.Context, executionID int64, artifacts []*pb.Artifact,
) (map[string]*pipelinespec.ArtifactList, bool, error) {
	executions, err := c.GetExecutions(ctx, []int64{executionID})
	if err != nil || len(executions) != 1 {
		return nil, false, err
	}
	text := executions[0].GetCustomProperties()[keyInputLists].GetStringValue()
	if text == "" {
		return nil, false, nil
	}
	var ids map[string][]int64
	if err := json.Unmarshal([]byte(text), &ids); err != nil {
		return nil, false, fmt.Errorf("property %s: %w", keyInputLists, err)
	}
	byID := map[int64]*pb.Artifact{}
	for _, artifact := range artifacts {
		byID[artifact.GetId()] = artifact
	}
	lists := map[string]*pipelinespec.ArtifactList{}
	for name := range ids {
		lists[name] = &pipelinespec.ArtifactList{}
		for _, id := range ids[name] {
			artifact, err := toRuntimeArtifact(byID[id])
			if err != nil {
				return nil, false, fmt.Errorf("input %s: %w", name, err)
			}
			lists[name].Artifacts = append(lists[name].Artifacts, artifact)
		}
	}
	return lists, true, nil
}
