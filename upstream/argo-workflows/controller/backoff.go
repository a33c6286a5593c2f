package controller

import (
	"fmt"
	"strconv"

	"k8s.io/apimachinery/pkg/util/intstr"
)

// backoffFactor returns the factor by which each retry waits longer than the one before it, nil without one.
//
// Upstream ends a step with an error at the first retry if the factor is no whole number, such as the 1.5 of
// kfp's set_retry(backoff_factor=1.5).
func backoffFactor(given *intstr.IntOrString) (*float64, error) {
	if given == nil {
		return nil, nil
	}
	factor, err := strconv.ParseFloat(given.String(), 64)
	if err != nil {
		return nil, fmt.Errorf("backoff factor %q is not a number", given.String())
	}
	return &factor, nil
}
