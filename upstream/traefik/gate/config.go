package gate

import (
	"encoding/json"
	"fmt"
	"os"
	"regexp"
)

// Config is what the platform's program writes for the gate.
type Config struct {
	// Domain is the parent of every host; a session is for all of them.
	Domain string `json:"domain"`
	// Audiences are those of tokens that the Kubernetes API issues: one of them must be a token's.
	Audiences []string `json:"audiences"`
	Routes    []*Route `json:"routes"`
	// Issuer is the company's, if tokens of people come from one.
	Issuer *Issuer `json:"issuer,omitempty"`
	// Login is where oauth2-proxy answers, if people may sign in with a browser.
	Login *Login `json:"login,omitempty"`
}

// Issuer is an OpenID Connect issuer.
type Issuer struct {
	URL string `json:"url"`
	// ClientIDs are the platform's names there: a token must be for one of them.
	ClientIDs []string `json:"clientIds"`
	// UserClaim and GroupsClaim name the claims of the user's name and groups.
	UserClaim   string `json:"userClaim"`
	GroupsClaim string `json:"groupsClaim"`
	// Prefix comes before names and groups, so that nobody is called as an account of the cluster is.
	Prefix string `json:"prefix"`
	// Authority is the certificate of the one authority, as PEM, that its own must be of; without it those of
	// the image.
	Authority string `json:"authority,omitempty"`
}

// Login is an oauth2-proxy.
type Login struct {
	// URL is where the gate asks about a session; Host and Path are where people sign in.
	URL    string `json:"url"`
	Host   string `json:"host"`
	Path   string `json:"path"`
	Cookie string `json:"cookie"`
	Prefix string `json:"prefix"`
	// Secure tells whether people use https.
	Secure bool `json:"secure"`
}

// Route is one host, or the hosts of all models, and what a request to it asks for in terms of RBAC.
type Route struct {
	// Host is a full host name; with Suffix a host is a name and this suffix.
	Host   string `json:"host,omitempty"`
	Suffix string `json:"suffix,omitempty"`
	// Localhost are the paths of http://localhost that lead here too, each with all below it.
	Localhost []string `json:"localhost,omitempty"`
	// Open tells that the server behind it verifies requests itself, as object stores do.
	Open bool `json:"open,omitempty"`

	Namespace   string `json:"namespace,omitempty"`
	Group       string `json:"group,omitempty"`
	Resource    string `json:"resource,omitempty"`
	Subresource string `json:"subresource,omitempty"`
	// ResourceIn is a pattern whose first group is the resource of a path.
	ResourceIn string `json:"resourceIn,omitempty"`
	// Reads are patterns of paths that only read, whatever the method is.
	Reads []string `json:"reads,omitempty"`
	// Shares is how many times the gateway's bound on requests in flight one user has here.
	Shares int `json:"shares"`

	resourceIn *regexp.Regexp
	reads      []*regexp.Regexp
}

func readConfig(path string) (*Config, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	config := &Config{}
	if err := json.Unmarshal(text, config); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	for _, route := range config.Routes {
		if err := route.compile(); err != nil {
			return nil, fmt.Errorf("%s: route %s%s: %w", path, route.Host, route.Suffix, err)
		}
	}
	return config, nil
}

func (r *Route) compile() error {
	if (r.Host == "") == (r.Suffix == "") {
		return fmt.Errorf("give either host or suffix")
	}
	if !r.Open && r.Resource == "" && r.ResourceIn == "" {
		return fmt.Errorf("no resource: nobody could be allowed to use it")
	}
	if r.Shares < 1 {
		return fmt.Errorf("no shares: every request would be refused")
	}
	if r.ResourceIn != "" {
		pattern, err := regexp.Compile(r.ResourceIn)
		if err != nil {
			return err
		}
		r.resourceIn = pattern
	}
	for _, each := range r.Reads {
		pattern, err := regexp.Compile(each)
		if err != nil {
			return err
		}
		r.reads = append(r.reads, pattern)
	}
	return nil
}
