// Package client stands for the connection of Argo's command line to its server, which brings the whole server and an
// SQLite translated to Go: of it, the executor asks only for the Kubernetes cluster it runs in.
package client

import (
	"log"
	"os"

	"k8s.io/client-go/tools/clientcmd"
)

// GetConfig finds the cluster: by kubeconfig or, in a pod, by its service account.
func GetConfig() clientcmd.ClientConfig {
	return clientcmd.NewNonInteractiveDeferredLoadingClientConfig(
		clientcmd.NewDefaultClientConfigLoadingRules(), &clientcmd.ConfigOverrides{},
	)
}

// Namespace is that of the environment, else that of the cluster's configuration.
func Namespace() string {
	if namespace, ok := os.LookupEnv("ARGO_NAMESPACE"); ok {
		return namespace
	}
	namespace, _, err := GetConfig().Namespace()
	if err != nil {
		log.Fatal(err)
	}
	return namespace
}
