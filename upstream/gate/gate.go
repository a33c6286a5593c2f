package main

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"

	"k8s.io/apiserver/pkg/authorization/authorizer"
)

type gate struct {
	config     *Config
	identities *identities
	rights     authorizer.Authorizer
}

// refusal is an answer other than "go on".
type refusal struct {
	code int
	text string
}

// ServeHTTP answers Traefik: 200 lets the request pass, with the headers that name its sender.
func (g *gate) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	host := hostOf(r.Header.Get("X-Forwarded-Host"))
	method := r.Header.Get("X-Forwarded-Method")
	target, err := url.ParseRequestURI(r.Header.Get("X-Forwarded-Uri"))
	if err != nil || method == "" {
		answer(w, refusal{http.StatusBadRequest, "the request has no readable path"})
		return
	}
	if name := underscored(r.Header); name != "" {
		answer(w, refusal{http.StatusBadRequest, fmt.Sprintf("header %s: names with an underscore are refused, "+
			"because servers take them for names with a hyphen", name)})
		return
	}
	route, name := g.config.find(host, target.Path)
	if route == nil {
		answer(w, refusal{http.StatusNotFound, "nothing is published under this host and path"})
		return
	}
	if route.Open {
		pass(w, r, g.config.Login, nil, route)
		return
	}
	if !isClean(target.Path) {
		answer(w, refusal{http.StatusBadRequest, "the path has empty, dotted or encoded segments: send it plain"})
		return
	}
	who, err := g.identities.of(r)
	switch {
	case errors.Is(err, errToken):
		unknown(w, err.Error(), `, error="invalid_token"`)
		return
	case err != nil:
		answer(w, faulty(err))
		return
	case who == nil:
		g.ask(w, r, host, target)
		return
	}
	if who.session && method != http.MethodGet && method != http.MethodHead && !g.ownPage(r) {
		answer(w, refusal{http.StatusForbidden, "a page of another site sent this with your session: refused"})
		return
	}
	if refused := g.check(r, who, route, method, target.Path, name); refused != nil {
		answer(w, *refused)
		return
	}
	pass(w, r, g.config.Login, who, route)
}

func (g *gate) check(r *http.Request, who *identity, route *Route, method, path, name string) *refusal {
	attributes, ok := route.attributes(who, method, path, name)
	if !ok {
		return &refusal{http.StatusNotFound, "nothing is published under this path"}
	}
	decision, _, err := g.rights.Authorize(r.Context(), attributes)
	switch {
	case decision == authorizer.DecisionAllow:
		return nil
	case err != nil:
		slog.Error("rights cannot be verified", "error", err)
		return &refusal{http.StatusServiceUnavailable, "rights cannot be verified now: try again"}
	}
	resource := strings.Trim(attributes.Resource+"/"+attributes.Subresource, "/")
	return &refusal{http.StatusForbidden, fmt.Sprintf("%s may not %s %s.%s in namespace %s: "+
		"ask whoever administers it for a RoleBinding", who.GetName(), attributes.Verb, resource, attributes.APIGroup,
		attributes.Namespace)}
}

func faulty(err error) refusal {
	if errors.Is(err, errConflict) {
		return refusal{http.StatusBadRequest, err.Error()}
	}
	slog.Error("identity cannot be verified", "error", err)
	text := errAway
	if errors.Is(err, errIssuerAway) {
		text = errIssuerAway
	}
	return refusal{http.StatusServiceUnavailable, text.Error() + ": try again"}
}

// ask sends a browser to the login, and says to other clients what they lack.
func (g *gate) ask(w http.ResponseWriter, r *http.Request, host string, target *url.URL) {
	login := g.config.Login
	if login != nil && strings.Contains(r.Header.Get("Accept"), "text/html") && host != localhost {
		scheme := "http"
		if login.Secure {
			scheme = "https"
		}
		// Ports are those that the browser used: the request knows them, the platform does not.
		port := ""
		if _, given, found := strings.Cut(r.Header.Get("X-Forwarded-Host"), ":"); found {
			port = ":" + given
		}
		back := scheme + "://" + host + port + target.RequestURI()
		w.Header().Set("Location", scheme+"://"+login.Host+port+login.Path+"?rd="+url.QueryEscape(back))
		answer(w, refusal{http.StatusFound, "sign in first"})
		return
	}
	unknown(w, "no valid token", "")
}

// unknown says to a client that its token is worth nothing, and where it gets another.
func unknown(w http.ResponseWriter, reason, challenge string) {
	w.Header().Set("WWW-Authenticate", `Bearer realm="plinth"`+challenge)
	answer(w, refusal{http.StatusUnauthorized, reason + ": send Authorization: Bearer TOKEN " +
		"(python -m workloads token prints one)"})
}

// ownPage tells whether a browser sent a request for a page of the platform, and not for somebody else's.
func (g *gate) ownPage(r *http.Request) bool {
	if origin := r.Header.Get("Origin"); origin != "" {
		parsed, err := url.Parse(origin)
		return err == nil && strings.HasSuffix("."+hostOf(parsed.Host), "."+g.config.Domain)
	}
	site := r.Header.Get("Sec-Fetch-Site")
	return site == "same-origin" || site == "same-site"
}

// underscored returns a header whose name a server may fold into that of another; empty if there is none.
func underscored(header http.Header) string {
	for name := range header {
		if strings.Contains(name, "_") {
			return name
		}
	}
	return ""
}

// pass lets a request go on. Traefik replaces the headers that it names here, and drops those that are not here.
func pass(w http.ResponseWriter, r *http.Request, login *Login, who *identity, route *Route) {
	if route.Open {
		// Signed by a key of the server behind it, which must see the signature.
		for _, each := range r.Header.Values("Authorization") {
			w.Header().Add("Authorization", each)
		}
	}
	if cookies := others(r, login, route); cookies != "" {
		w.Header().Set("Cookie", cookies)
	}
	w.Header().Set("X-Plinth-Share", route.share(who))
	if who != nil {
		w.Header().Set("X-Remote-User", who.GetName())
		w.Header().Set("X-Remote-Groups", joined(who.GetGroups()))
	}
	w.WriteHeader(http.StatusOK)
}

// joined returns groups as servers read them: one with a bar in its name would be two of them there, and whoever
// may name groups at the issuer could choose both.
func joined(groups []string) string {
	var kept []string
	for _, each := range groups {
		if !strings.Contains(each, "|") {
			kept = append(kept, each)
		}
	}
	return strings.Join(kept, "|")
}

// others returns a request's cookies without those of the session, which no server but the login may see.
func others(r *http.Request, login *Login, route *Route) string {
	var kept []string
	for _, each := range r.Cookies() {
		if login == nil || !isOf(each.Name, login.Cookie) || route.Host == login.Host {
			kept = append(kept, each.Name+"="+each.Value)
		}
	}
	return strings.Join(kept, "; ")
}

func answer(w http.ResponseWriter, refused refusal) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(refused.code)
	fmt.Fprintln(w, refused.text)
}
