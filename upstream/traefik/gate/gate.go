package gate

import (
	"errors"
	"fmt"
	"io"
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
	// header is that of the answer.
	header http.Header
}

// RoundTrip answers Traefik: 200 lets the request pass, with the headers that name its sender.
func (g *gate) RoundTrip(r *http.Request) (*http.Response, error) {
	header, refused := g.decide(r)
	if refused != nil {
		return refused.response(r), nil
	}
	return response(r, http.StatusOK, header, ""), nil
}

// decide returns the headers of a request that passes, or why it does not.
func (g *gate) decide(r *http.Request) (http.Header, *refusal) {
	host := hostOf(r.Header.Get("X-Forwarded-Host"))
	method := r.Header.Get("X-Forwarded-Method")
	target, err := url.ParseRequestURI(r.Header.Get("X-Forwarded-Uri"))
	if err != nil || method == "" {
		return nil, refuse(http.StatusBadRequest, "the request has no readable path")
	}
	if name := underscored(r.Header); name != "" {
		return nil, refuse(http.StatusBadRequest, "header %s: names with an underscore are refused, "+
			"because servers take them for names with a hyphen", name)
	}
	route, name := g.config.find(host, target.Path)
	if route == nil {
		return nil, refuse(http.StatusNotFound, "nothing is published under this host and path")
	}
	if route.Open {
		return passed(r, g.config.Login, nil, route), nil
	}
	if !isClean(target.Path) {
		return nil, refuse(http.StatusBadRequest, "the path has empty, dotted or encoded segments: send it plain")
	}
	who, err := g.identities.of(r)
	switch {
	case errors.Is(err, errToken):
		return nil, unknown(err.Error(), `, error="invalid_token"`)
	case err != nil:
		return nil, faulty(err)
	case who == nil:
		return nil, g.ask(r, host, target)
	}
	if who.session && method != http.MethodGet && method != http.MethodHead && !g.ownPage(r) {
		return nil, refuse(http.StatusForbidden, "a page of another site sent this with your session: refused")
	}
	if refused := g.check(r, who, route, method, target.Path, name); refused != nil {
		return nil, refused
	}
	return passed(r, g.config.Login, who, route), nil
}

func (g *gate) check(r *http.Request, who *identity, route *Route, method, path, name string) *refusal {
	attributes, ok := route.attributes(who, method, path, name)
	if !ok {
		return refuse(http.StatusNotFound, "nothing is published under this path")
	}
	decision, _, err := g.rights.Authorize(r.Context(), attributes)
	switch {
	case decision == authorizer.DecisionAllow:
		return nil
	case err != nil:
		slog.Error("rights cannot be verified", "error", err)
		return refuse(http.StatusServiceUnavailable, "rights cannot be verified now: try again")
	}
	resource := strings.Trim(attributes.Resource+"/"+attributes.Subresource, "/")
	return refuse(http.StatusForbidden, "%s may not %s %s.%s in namespace %s: "+
		"ask whoever administers it for a RoleBinding", who.GetName(), attributes.Verb, resource, attributes.APIGroup,
		attributes.Namespace)
}

func faulty(err error) *refusal {
	if errors.Is(err, errConflict) {
		return refuse(http.StatusBadRequest, "%v", err)
	}
	slog.Error("identity cannot be verified", "error", err)
	text := errAway
	if errors.Is(err, errIssuerAway) {
		text = errIssuerAway
	}
	return refuse(http.StatusServiceUnavailable, "%v: try again", text)
}

// ask sends a browser to the login, and says to other clients what they lack.
func (g *gate) ask(r *http.Request, host string, target *url.URL) *refusal {
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
		first := refuse(http.StatusFound, "sign in first")
		first.header.Set("Location", scheme+"://"+login.Host+port+login.Path+"?rd="+url.QueryEscape(back))
		return first
	}
	return unknown("no valid token", "")
}

// unknown says to a client that its token is worth nothing, and where it gets another.
func unknown(reason, challenge string) *refusal {
	refused := refuse(http.StatusUnauthorized, "%s: send Authorization: Bearer TOKEN "+
		"(python -m workloads token prints one)", reason)
	refused.header.Set("WWW-Authenticate", `Bearer realm="plinth"`+challenge)
	return refused
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

// passed returns the headers of a request that goes on. Traefik replaces those that it names here, and drops those
// of them that are not here.
func passed(r *http.Request, login *Login, who *identity, route *Route) http.Header {
	header := http.Header{}
	if route.Open {
		// Signed by a key of the server behind it, which must see the signature.
		for _, each := range r.Header.Values("Authorization") {
			header.Add("Authorization", each)
		}
	}
	if cookies := others(r, login, route); cookies != "" {
		header.Set("Cookie", cookies)
	}
	header.Set("X-Plinth-Share", route.share(who))
	if who != nil {
		header.Set("X-Remote-User", who.GetName())
		header.Set("X-Remote-Groups", joined(who.GetGroups()))
	}
	return header
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

func refuse(code int, format string, values ...any) *refusal {
	return &refusal{code: code, text: fmt.Sprintf(format, values...), header: http.Header{}}
}

func (r *refusal) response(request *http.Request) *http.Response {
	r.header.Set("Content-Type", "text/plain; charset=utf-8")
	r.header.Set("Cache-Control", "no-store")
	return response(request, r.code, r.header, r.text+"\n")
}

func response(request *http.Request, code int, header http.Header, text string) *http.Response {
	return &http.Response{
		StatusCode:    code,
		Header:        header,
		Body:          io.NopCloser(strings.NewReader(text)),
		ContentLength: int64(len(text)),
		Request:       request,
	}
}
