package controller

import (
	"fmt"
	"strings"
	"time"

	apiv1 "k8s.io/api/core/v1"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
	envutil "github.com/argoproj/argo-workflows/v3/util/env"
)

// Upstream's controller waits for ever for a pod that cannot start. These bound the wait; 0 is no bound.
var (
	// startTimeout is for what does not mend itself: an image that nobody has, a Secret that does not exist.
	startTimeout = envutil.LookupEnvDurationOr("POD_START_TIMEOUT", 0)
	// roomTimeout is for what may: a node with room or a GPU, a quota that others use up.
	roomTimeout = envutil.LookupEnvDurationOr("POD_ROOM_TIMEOUT", 0)
)

const lookAgain = 30 * time.Second

// Reasons of a waiting container that stay until somebody changes something.
var hopeless = map[string]bool{
	"CreateContainerConfigError": true,
	"CreateContainerError":       true,
	"ErrImageNeverPull":          true,
	"ImageInspectError":          true,
	"ImagePullBackOff":           true,
	"InvalidImageName":           true,
	"RunContainerError":          true,
}

type obstacle struct {
	text  string
	since time.Time
	bound time.Duration
}

// failStepsUnableToStart fails each step whose pod has been kept from starting for longer than its bound.
// The node's message then names the obstacle; until then it does too, since `assessNodeStatus` has set it.
func (woc *wfOperationCtx) failStepsUnableToStart() {
	pods, err := woc.getAllWorkflowPods()
	if err != nil {
		woc.log.WithError(err).Error("pods of steps that may be unable to start")
		return
	}
	byNode := make(map[string]*apiv1.Pod, len(pods))
	for _, pod := range pods {
		byNode[woc.nodeID(pod)] = pod
	}
	waiting := false
	for id, node := range woc.wf.Status.Nodes {
		if node.Type != wfv1.NodeTypePod || node.Phase != wfv1.NodePending {
			continue
		}
		// A pod that stays as it is sends no event: what keeps it may show only later.
		waiting = waiting || byNode[id] != nil
		found := obstacleOf(byNode[id], &node)
		if found == nil {
			continue
		}
		waiting = true
		if found.bound > 0 && time.Since(found.since) >= found.bound {
			woc.log.WithField("nodeName", node.Name).Infof("Step is unable to start: %s", found.text)
			if pod := byNode[id]; pod != nil {
				woc.controller.PodController.DeletePod(pod.Namespace, pod.Name)
			}
			message := fmt.Sprintf("did not start within %s: %s", found.bound, found.text)
			woc.markNodePhase(node.Name, wfv1.NodeFailed, message)
			continue
		}
		// What keeps a pod from starting may be in no status that Argo reports, such as a missing volume.
		if node.Message != found.text {
			woc.markNodePhase(node.Name, wfv1.NodePending, found.text)
		}
	}
	if waiting {
		woc.requeueAfter(lookAgain)
	}
}

// obstacleOf returns what keeps a pod, or a node that has no pod yet, from starting; nil for nothing.
func obstacleOf(pod *apiv1.Pod, node *wfv1.NodeStatus) *obstacle {
	if pod == nil {
		if strings.Contains(node.Message, "exceeded quota") {
			return &obstacle{text: node.Message, since: node.StartedAt.Time, bound: roomTimeout}
		}
		return nil
	}
	if pod.Status.Phase != apiv1.PodPending || pod.DeletionTimestamp != nil {
		return nil
	}
	scheduled := condition(pod, apiv1.PodScheduled)
	if scheduled == nil {
		return nil
	}
	since := scheduled.LastTransitionTime.Time
	if scheduled.Status == apiv1.ConditionFalse {
		return &obstacle{text: scheduled.Reason + ": " + scheduled.Message, since: since, bound: roomTimeout}
	}
	statuses := append(append([]apiv1.ContainerStatus{}, pod.Status.InitContainerStatuses...),
		pod.Status.ContainerStatuses...)
	for _, each := range statuses {
		if each.State.Waiting != nil && hopeless[each.State.Waiting.Reason] {
			text := fmt.Sprintf("%s: %s", each.State.Waiting.Reason, each.State.Waiting.Message)
			return &obstacle{text: text, since: since, bound: startTimeout}
		}
	}
	ready := condition(pod, apiv1.PodReadyToStartContainers)
	wanted := volumes(pod)
	if ready != nil && ready.Status == apiv1.ConditionFalse && wanted != "" && time.Since(since) > lookAgain {
		text := "its volumes are not there: needs " + wanted
		return &obstacle{text: text, since: since, bound: startTimeout}
	}
	return nil
}

func condition(pod *apiv1.Pod, kind apiv1.PodConditionType) *apiv1.PodCondition {
	for at := range pod.Status.Conditions {
		if pod.Status.Conditions[at].Type == kind {
			return &pod.Status.Conditions[at]
		}
	}
	return nil
}

// volumes names the objects that a pod mounts and that a person may have forgotten to create.
func volumes(pod *apiv1.Pod) string {
	var names []string
	for _, each := range pod.Spec.Volumes {
		switch {
		case each.Secret != nil && (each.Secret.Optional == nil || !*each.Secret.Optional):
			names = append(names, "Secret "+each.Secret.SecretName)
		case each.ConfigMap != nil && (each.ConfigMap.Optional == nil || !*each.ConfigMap.Optional):
			names = append(names, "ConfigMap "+each.ConfigMap.Name)
		case each.PersistentVolumeClaim != nil:
			names = append(names, "PersistentVolumeClaim "+each.PersistentVolumeClaim.ClaimName)
		}
	}
	return strings.Join(names, ", ")
}
