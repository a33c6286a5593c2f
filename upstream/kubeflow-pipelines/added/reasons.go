package util

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	workflowapi "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
	rpcstatus "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/codes"
)

// Upstream's answers carry neither why a run failed nor why it waits: both are in its workflow's nodes.

const (
	longestReason = 4000
	mostReasons   = 5
)

// Reasons are what a run's workflow says of its pods.
type Reasons struct {
	run   string
	code  codes.Code
	byPod map[string]string
}

// ReasonsOf reads the manifest of a run's workflow; a nil result has no reasons.
func ReasonsOf(manifest string) *Reasons {
	if manifest == "" {
		return nil
	}
	parsed, err := NewWorkflowFromBytesJSON([]byte(manifest))
	if err != nil || parsed.Status.Phase == workflowapi.WorkflowSucceeded {
		return nil
	}
	ended := parsed.Status.Phase.Completed()
	found := &Reasons{code: codes.Unavailable, byPod: map[string]string{}}
	if ended {
		found.code = codes.Aborted
	}
	var texts []string
	for _, node := range inOrder(parsed.Status.Nodes) {
		text := reasonOf(&node)
		if text == "" {
			continue
		}
		found.byPod[RetrievePodName(*parsed.Workflow, node)] = text
		// A step that is tried again may yet succeed: its failures count once the run has ended.
		if ended || node.Phase == workflowapi.NodePending {
			texts = append(texts, stepOf(&node, parsed.Status.Nodes)+": "+text)
		}
	}
	if len(texts) == 0 && ended && parsed.Status.Message != "" {
		texts = []string{parsed.Status.Message}
	}
	if over := len(texts) - mostReasons; over > 0 {
		texts = append(texts[:mostReasons], fmt.Sprintf("and %d more", over))
	}
	found.run = strings.Join(texts, "; ")
	return found
}

// Run returns why the run failed or waits, or nil.
func (r *Reasons) Run() *rpcstatus.Status {
	if r == nil || r.run == "" {
		return nil
	}
	return &rpcstatus.Status{Code: int32(r.code), Message: shortened(r.run)}
}

// Pod returns why a pod failed or waits, or nil.
func (r *Reasons) Pod(name string) *rpcstatus.Status {
	if r == nil || r.byPod[name] == "" {
		return nil
	}
	return &rpcstatus.Status{Code: int32(r.code), Message: shortened(r.byPod[name])}
}

// LogLine returns what belongs below the log of a pod: its log alone tells neither that it never started nor
// that memory ran out. The rest of a reason are the last lines of the log itself.
func (r *Reasons) LogLine(name string) string {
	if r == nil || r.byPod[name] == "" {
		return ""
	}
	line, _, _ := strings.Cut(r.byPod[name], "\n")
	return line + "\n"
}

func inOrder(nodes workflowapi.Nodes) []workflowapi.NodeStatus {
	var all []workflowapi.NodeStatus
	for _, node := range nodes {
		all = append(all, node)
	}
	slices.SortFunc(all, func(a, b workflowapi.NodeStatus) int {
		if order := a.FinishedAt.Compare(b.FinishedAt.Time); order != 0 {
			return order
		}
		return strings.Compare(a.ID, b.ID)
	})
	return all
}

// reasonOf returns what keeps a node's pod from starting or made it fail.
func reasonOf(node *workflowapi.NodeStatus) string {
	if node.Type != workflowapi.NodeTypePod {
		return ""
	}
	switch node.Phase {
	case workflowapi.NodeFailed, workflowapi.NodeError:
		if node.Message == "" {
			return "failed without a message"
		}
		return node.Message
	case workflowapi.NodePending:
		switch node.Message {
		case "", "PodInitializing", "ContainerCreating":
			return ""
		}
		return "waits: " + node.Message
	default:
		return ""
	}
}

// stepOf returns the name of the step that a pod belongs to.
func stepOf(node *workflowapi.NodeStatus, nodes workflowapi.Nodes) string {
	if !strings.HasPrefix(node.DisplayName, "executor") {
		return strings.TrimSuffix(node.DisplayName, "-driver")
	}
	if around, found := nodes[node.BoundaryID]; found {
		return around.DisplayName
	}
	return node.DisplayName
}

// shortened keeps the end, where a program's last words are.
func shortened(text string) string {
	if len(text) <= longestReason {
		return text
	}
	from := len(text) - longestReason
	for !utf8.RuneStart(text[from]) {
		from++
	}
	return "…" + text[from:]
}
