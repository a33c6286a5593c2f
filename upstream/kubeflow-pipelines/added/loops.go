package driver

import (
	"github.com/kubeflow/pipelines/api/v2alpha1/go/pipelinespec"
	"github.com/kubeflow/pipelines/backend/src/v2/metadata"
	pb "github.com/kubeflow/pipelines/third_party/ml-metadata/go/ml_metadata"
	"google.golang.org/protobuf/types/known/structpb"
)

// readsParameter says whether a task of the component, which is a DAG, takes the component's input as its own.
func readsParameter(component *pipelinespec.ComponentSpec, input string) bool {
	for _, task := range component.GetDag().GetTasks() {
		for _, parameter := range task.GetInputs().GetParameters() {
			if parameter.GetComponentInputParameter() == input {
				return true
			}
		}
	}
	return false
}

// collected returns what the iterations of a loop put out under a key: parameters as lists that are nested as the
// loops are, artifacts as one list. A producer that a condition skipped is left out.
func collected(
	cfg resolveUpstreamOutputsConfig,
	loop string,
	tasks map[string]*metadata.Execution,
	key string,
	isArtifact bool,
) (*structpb.Value, *pipelinespec.ArtifactList, error) {
	artifacts := &pipelinespec.ArtifactList{}
	parameters, err := collect(cfg, loop, tasks, key, isArtifact, artifacts)
	if err != nil {
		return nil, nil, cfg.err(err)
	}
	return parameters, artifacts, nil
}

// collect appends artifacts to a list, or returns a parameter: nil where no task has put out one.
func collect(
	cfg resolveUpstreamOutputsConfig,
	name string,
	tasks map[string]*metadata.Execution,
	key string,
	isArtifact bool,
	artifacts *pipelinespec.ArtifactList,
) (*structpb.Value, error) {
	task, exists := tasks[name]
	if !exists || task.GetExecution().GetLastKnownState() == pb.Execution_CANCELED {
		return nil, nil
	}
	if task.GetExecution().GetType() != string(metadata.DagExecutionTypeName) {
		parameter, artifact, err := collectContainerOutput(cfg, task, key, isArtifact)
		if artifact != nil {
			artifacts.Artifacts = append(artifacts.Artifacts, artifact)
		}
		return parameter, err
	}
	properties := task.GetExecution().GetCustomProperties()
	if count, isLoop := properties["iteration_count"]; isLoop {
		iterations := metadata.GetTaskNameWithDagID(task.TaskName(), task.GetID())
		list := &structpb.ListValue{}
		for index := range count.GetIntValue() {
			iteration := metadata.GetParallelForTaskName(iterations, index)
			value, err := collect(cfg, iteration, tasks, key, isArtifact, artifacts)
			if err != nil {
				return nil, err
			}
			if value != nil {
				list.Values = append(list.Values, value)
			}
		}
		return structpb.NewListValue(list), nil
	}
	producer, producerKey, err := GetProducerTask(task, tasks, name, key, isArtifact)
	if err != nil {
		return nil, err
	}
	if index, isIteration := properties["iteration_index"]; isIteration {
		producer = metadata.GetParallelForTaskName(producer, index.GetIntValue())
	}
	return collect(cfg, producer, tasks, producerKey, isArtifact, artifacts)
}
