// Package gate decides about every request at the gateway: who sends it, and whether RBAC allows it.
//
// Traefik asks it before it routes (forward authentication), within its own process. Who: a token that the
// Kubernetes API knows for one of the gate's audiences, an ID token of the company's issuer, or a session of
// oauth2-proxy. May: a SubjectAccessReview. It keeps no list of users or rights.
package gate

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"sync"
	"time"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

const scheme = "gate"

// opened holds the gate of each file. Traefik makes its middlewares anew with every change of a route, and verdicts
// are kept for longer.
var opened sync.Map

// Transport returns what answers a request to gate:///FILE in this process, where FILE is the gate's configuration;
// nil, which is Go's own transport, for every other address.
//
// A gate that cannot work ends the process with one line: a server that refused everybody would look healthy.
func Transport(address string) http.RoundTripper {
	target, err := url.Parse(address)
	if err != nil || target.Scheme != scheme {
		return nil
	}
	open := sync.OnceValue(func() *gate {
		made, err := newGate(context.Background(), target.Path)
		if err != nil {
			fmt.Fprintln(os.Stderr, "gate:", err)
			os.Exit(1)
		}
		return made
	})
	found, _ := opened.LoadOrStore(target.Path, open)
	return found.(func() *gate)()
}

func newGate(ctx context.Context, path string) (*gate, error) {
	config, err := readConfig(path)
	if err != nil {
		return nil, err
	}
	client, err := connect()
	if err != nil {
		return nil, err
	}
	identities, err := newIdentities(ctx, config, client)
	if err != nil {
		return nil, err
	}
	rights, err := newRights(client)
	if err != nil {
		return nil, err
	}
	return &gate{config: config, identities: identities, rights: rights}, nil
}

// connect returns a client of the API in the name of the pod's account, or as KUBECONFIG says.
func connect() (kubernetes.Interface, error) {
	config, err := clientcmd.BuildConfigFromFlags("", os.Getenv(clientcmd.RecommendedConfigPathEnvVar))
	if err != nil {
		return nil, err
	}
	// Decisions are cached, so the API sees few requests; a burst of new tokens must not wait for a limit.
	config.QPS, config.Burst = 100, 200
	config.Timeout = 5 * time.Second
	config = rest.AddUserAgent(config, "plinth-gate")
	return kubernetes.NewForConfig(config)
}
