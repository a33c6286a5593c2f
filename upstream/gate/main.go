// The gate decides about every request at the gateway: who sends it, and whether RBAC allows it.
//
// Traefik asks it before it routes (forward authentication). Who: a token that the Kubernetes API knows for one
// of the gate's audiences, an ID token of the company's issuer, or a session of oauth2-proxy. May: a
// SubjectAccessReview. It keeps no list of users or rights.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

const endSeconds = 10

func main() {
	config := flag.String("config", "/etc/gate/gate.json", "the routes and issuers, as JSON")
	address := flag.String("address", ":8080", "where Traefik asks")
	kubeconfig := flag.String("kubeconfig", "", "a kubeconfig; by default the pod's own account")
	flag.Parse()
	if err := serve(*config, *address, *kubeconfig); err != nil {
		fmt.Fprintln(os.Stderr, "gate:", err)
		os.Exit(1)
	}
}

func serve(path, address, kubeconfig string) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	config, err := readConfig(path)
	if err != nil {
		return err
	}
	client, err := connect(kubeconfig)
	if err != nil {
		return err
	}
	identities, err := newIdentities(ctx, config, client)
	if err != nil {
		return err
	}
	rights, err := newRights(client)
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	mux.Handle("/check", &gate{config: config, identities: identities, rights: rights})
	server := &http.Server{Addr: address, Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	go func() {
		<-ctx.Done()
		ending, cancel := context.WithTimeout(context.Background(), endSeconds*time.Second)
		defer cancel()
		_ = server.Shutdown(ending)
	}()
	slog.Info("serving", "address", address, "routes", len(config.Routes))
	if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

func connect(kubeconfig string) (kubernetes.Interface, error) {
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return nil, err
	}
	// Decisions are cached, so the API sees few requests; a burst of new tokens must not wait for a limit.
	config.QPS, config.Burst = 100, 200
	config.Timeout = 5 * time.Second
	config = rest.AddUserAgent(config, "plinth-gate")
	return kubernetes.NewForConfig(config)
}
