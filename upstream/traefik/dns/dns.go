// Package dns stands for lego's clients of 180 DNS services, by which ACME proves that a domain is ours: they are a
// third of what Traefik compiles. Certificates by HTTP or TLS challenge are as upstream has them.
package dns

import (
	"fmt"

	"github.com/go-acme/lego/v4/challenge"
)

// NewDNSChallengeProviderByName knows no provider.
func NewDNSChallengeProviderByName(name string) (challenge.Provider, error) {
	return nil, fmt.Errorf("DNS provider %q: this Traefik is built without DNS challenges, use HTTP or TLS ones", name)
}
