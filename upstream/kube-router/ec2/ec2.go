// Package ec2 stands for the SDK of Amazon EC2, a fifth of what kube-router compiles. Its router would ask EC2 to
// pass on packets between nodes on AWS; plinth runs its firewall alone, on a cluster of one node.
package ec2

import (
	"context"
	"errors"

	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
)

// Client reaches nothing.
type Client struct{}

// Options are those of no call.
type Options struct{}

// ModifyInstanceAttributeInput has what kube-router sets.
type ModifyInstanceAttributeInput struct {
	InstanceId      *string
	SourceDestCheck *types.AttributeBooleanValue
}

// ModifyInstanceAttributeOutput is empty.
type ModifyInstanceAttributeOutput struct{}

// NewFromConfig returns a client that refuses every call, whatever the configuration.
func NewFromConfig(any, ...func(*Options)) *Client {
	return &Client{}
}

// ModifyInstanceAttribute says that it is not part of this build.
func (*Client) ModifyInstanceAttribute(
	context.Context, *ModifyInstanceAttributeInput, ...func(*Options),
) (*ModifyInstanceAttributeOutput, error) {
	return nil, errors.New("this kube-router is built without Amazon EC2")
}
