package gate

import (
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"path"
	"strings"

	"k8s.io/apiserver/pkg/authentication/user"
	"k8s.io/apiserver/pkg/authorization/authorizer"
)

const localhost = "localhost"

// hostOf returns a host as routes name it: without port and trailing dot, in lower case.
func hostOf(given string) string {
	host := given
	if name, _, err := net.SplitHostPort(given); err == nil {
		host = name
	}
	return strings.ToLower(strings.TrimSuffix(host, "."))
}

// find returns the route of a request and the name in its host; nil if nothing is there.
func (c *Config) find(host, requestPath string) (*Route, string) {
	if host == localhost {
		return c.findLocal(requestPath), ""
	}
	for _, route := range c.Routes {
		if route.Host != "" && route.Host == host {
			return route, ""
		}
	}
	for _, route := range c.Routes {
		if name, ok := strings.CutSuffix(host, route.Suffix); route.Suffix != "" && ok && name != "" {
			if !strings.Contains(name, ".") {
				return route, name
			}
		}
	}
	return nil, ""
}

func (c *Config) findLocal(requestPath string) *Route {
	var found *Route
	length := -1
	for _, route := range c.Routes {
		for _, prefix := range route.Localhost {
			if isBelow(requestPath, prefix) && len(prefix) > length {
				found, length = route, len(prefix)
			}
		}
	}
	return found
}

// isBelow tells whether a path is a prefix or below it, by whole segments as in the Gateway API.
func isBelow(requestPath, prefix string) bool {
	prefix = strings.TrimSuffix(prefix, "/")
	return requestPath == prefix || strings.HasPrefix(requestPath, prefix+"/")
}

// isClean tells whether every server reads a path in the same way.
func isClean(requestPath string) bool {
	if !strings.HasPrefix(requestPath, "/") || strings.ContainsAny(requestPath, "\\\x00") {
		return false
	}
	cleaned := path.Clean(requestPath)
	return requestPath == cleaned || requestPath == cleaned+"/"
}

// attributes says what a request asks for in terms of RBAC; ok is false if its path has no resource.
func (r *Route) attributes(who user.Info, method, requestPath, name string) (authorizer.AttributesRecord, bool) {
	resource := r.Resource
	if r.resourceIn != nil {
		if match := r.resourceIn.FindStringSubmatch(requestPath); len(match) > 1 {
			resource = match[1]
		}
	}
	return authorizer.AttributesRecord{
		User:            who,
		Verb:            r.verb(method, requestPath),
		Namespace:       r.Namespace,
		APIGroup:        r.Group,
		APIVersion:      "*",
		Resource:        resource,
		Subresource:     r.Subresource,
		Name:            name,
		ResourceRequest: true,
	}, resource != ""
}

// share names what a request counts against: the gateway bounds what is in flight of each name. It knows one bound
// for all routes, so where a user may have several times as much the user has several names, drawn by lot.
func (r *Route) share(who *identity) string {
	name := ""
	if who != nil {
		name = who.GetName()
	}
	return fmt.Sprintf("%s/%d", name, rand.IntN(r.Shares))
}

func (r *Route) verb(method, requestPath string) string {
	for _, pattern := range r.reads {
		if pattern.MatchString(requestPath) {
			return "get"
		}
	}
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodOptions:
		return "get"
	case http.MethodPost:
		return "create"
	case http.MethodDelete:
		return "delete"
	default:
		return "update"
	}
}
