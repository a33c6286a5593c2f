// Package types has what kube-router sets on an instance: see package ec2.
package types

// AttributeBooleanValue is a flag of an instance.
type AttributeBooleanValue struct {
	Value *bool
}
