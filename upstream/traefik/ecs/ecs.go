// Package ecs stands for Traefik's provider of routes from Amazon ECS, which brings the whole SDK of EC2.
package ecs

import (
	"errors"

	"github.com/traefik/traefik/v3/pkg/config/dynamic"
	"github.com/traefik/traefik/v3/pkg/safe"
)

// Provider has no settings: Traefik refuses those that upstream's has.
type Provider struct{}

// Init says that there is no such provider.
func (*Provider) Init() error {
	return errors.New("providers.ecs: this Traefik is built without Amazon ECS")
}

// Provide is never reached: Init fails before.
func (*Provider) Provide(chan<- dynamic.Message, *safe.Pool) error {
	return nil
}
