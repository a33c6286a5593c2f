package gate

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/util/cache"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/apiserver/pkg/apis/apiserver"
	"k8s.io/apiserver/pkg/authentication/authenticator"
	"k8s.io/apiserver/pkg/authentication/authenticatorfactory"
	"k8s.io/apiserver/pkg/authentication/group"
	"k8s.io/apiserver/pkg/authentication/user"
	"k8s.io/apiserver/pkg/authorization/authorizer"
	"k8s.io/apiserver/pkg/authorization/authorizerfactory"
	"k8s.io/apiserver/plugin/pkg/authenticator/token/oidc"
	"k8s.io/client-go/kubernetes"
)

const (
	// A deleted account's token is worth something for so long, a removed binding and a session for so long.
	tokenSeconds   = 60
	rightsSeconds  = 10
	sessionSeconds = 10
	askSeconds     = 5
)

// errConflict is the error of a request with two identities, of which a server might take either.
var errConflict = errors.New("two identities: send one Authorization header, or the session alone")

// errAway is the error of an API or login that does not answer, errIssuerAway that of an issuer.
var (
	errAway       = errors.New("identities cannot be verified now")
	errIssuerAway = fmt.Errorf("%w, because the issuer does not answer", errAway)
)

// errToken is the error of a token that its issuer does not vouch for; the reason follows.
var errToken = errors.New("the token is refused")

// identity is who sends a request.
type identity struct {
	user.Info
	// session tells that a browser sends it by itself, also for pages of others.
	session bool
}

type identities struct {
	issued    authenticator.Request
	audiences authenticator.Audiences
	issuer    *issuerTokens
	login     *Login
	client    *http.Client
	sessions  *cache.Expiring
}

func backoff() *wait.Backoff {
	return &wait.Backoff{Duration: 50 * time.Millisecond, Factor: 2, Steps: 3, Cap: askSeconds * time.Second}
}

func newIdentities(ctx context.Context, config *Config, client kubernetes.Interface) (*identities, error) {
	issued, _, err := authenticatorfactory.DelegatingAuthenticatorConfig{
		TokenAccessReviewClient:  client.AuthenticationV1(),
		TokenAccessReviewTimeout: askSeconds * time.Second,
		WebhookRetryBackoff:      backoff(),
		CacheTTL:                 tokenSeconds * time.Second,
		APIAudiences:             config.Audiences,
	}.New()
	if err != nil {
		return nil, err
	}
	made := &identities{
		issued:    issued,
		audiences: config.Audiences,
		login:     config.Login,
		client:    &http.Client{Timeout: askSeconds * time.Second, CheckRedirect: noRedirect},
		sessions:  cache.NewExpiring(),
	}
	if config.Issuer != nil {
		if made.issuer, err = newIssuer(ctx, config.Issuer); err != nil {
			return nil, fmt.Errorf("issuer %s: %w", config.Issuer.URL, err)
		}
	}
	return made, nil
}

func noRedirect(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// issuerTokens verifies tokens of the company's issuer.
type issuerTokens struct {
	verifier oidc.AuthenticatorTokenWithHealthCheck
	tokens   authenticator.Token
}

func newIssuer(ctx context.Context, issuer *Issuer) (*issuerTokens, error) {
	prefix := issuer.Prefix
	accepted := apiserver.Issuer{URL: issuer.URL, Audiences: issuer.ClientIDs}
	if len(issuer.ClientIDs) > 1 {
		accepted.AudienceMatchPolicy = apiserver.AudienceMatchPolicyMatchAny
	}
	client, err := issuerClient(issuer.Authority)
	if err != nil {
		return nil, err
	}
	verifier, err := oidc.New(ctx, oidc.Options{
		Client:               client,
		SupportedSigningAlgs: oidc.AllValidSigningAlgorithms(),
		JWTAuthenticator: apiserver.JWTAuthenticator{
			Issuer: accepted,
			ClaimMappings: apiserver.ClaimMappings{
				Username: apiserver.PrefixedClaimOrExpression{Claim: issuer.UserClaim, Prefix: &prefix},
				Groups:   apiserver.PrefixedClaimOrExpression{Claim: issuer.GroupsClaim, Prefix: &prefix},
			},
		},
	})
	if err != nil {
		return nil, err
	}
	// A new pod serves once the issuer has answered, or has had its time to: it may be away for hours.
	_ = wait.PollUntilContextTimeout(ctx, 50*time.Millisecond, askSeconds*time.Second, true,
		func(context.Context) (bool, error) { return verifier.HealthCheck() == nil, nil })
	// As the API server does for whoever it has identified.
	tokens := group.NewTokenGroupAdder(verifier, []string{user.AllAuthenticated})
	return &issuerTokens{verifier: verifier, tokens: tokens}, nil
}

// issuerClient returns a client that trusts this authority alone, or without one those of the image.
func issuerClient(authority string) (*http.Client, error) {
	// Requests wait for it where a key is unknown: an issuer that is silent must not hold them.
	client := &http.Client{Timeout: askSeconds * time.Second}
	if authority == "" {
		return client, nil
	}
	trusted := x509.NewCertPool()
	if !trusted.AppendCertsFromPEM([]byte(authority)) {
		return nil, errors.New("its authority is no certificate in PEM")
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.TLSClientConfig = &tls.Config{RootCAs: trusted, MinVersion: tls.VersionTLS12}
	client.Transport = transport
	return client, nil
}

// of returns whose token it is; nil without an error if it is not one of this issuer.
func (i *issuerTokens) of(ctx context.Context, token string) (*identity, error) {
	answer, ok, err := i.tokens.AuthenticateToken(ctx, token)
	switch {
	case err == nil && ok:
		return &identity{Info: answer.User}, nil
	case err == nil:
		return nil, nil
	}
	// Until the issuer has answered once, and where it signs with a key that is not known yet.
	if unready := i.verifier.HealthCheck(); unready != nil || strings.Contains(err.Error(), "fetching keys") {
		return nil, fmt.Errorf("%w: %v", errIssuerAway, errors.Join(unready, err))
	}
	reason := strings.TrimPrefix(strings.TrimPrefix(err.Error(), "oidc: verify token: "), "oidc: ")
	return nil, fmt.Errorf("%w: %s", errToken, reason)
}

// of returns who sends a request; nil without an error if nobody known.
func (i *identities) of(r *http.Request) (*identity, error) {
	given := r.Header.Values("Authorization")
	cookie := i.sessionCookie(r)
	switch {
	case len(given) > 1, len(given) == 1 && cookie != "":
		return nil, errConflict
	case len(given) == 1:
		return i.ofToken(r, given[0])
	case cookie != "":
		return i.ofSession(r.Context(), cookie)
	}
	return nil, nil
}

func (i *identities) ofToken(r *http.Request, authorization string) (*identity, error) {
	kind, token, _ := strings.Cut(authorization, " ")
	token = strings.TrimSpace(token)
	if !strings.EqualFold(kind, "Bearer") || token == "" {
		return nil, nil
	}
	if expired(token) {
		return nil, fmt.Errorf("%w: it has expired", errToken)
	}
	if i.issuer != nil {
		// A token of the issuer that it does not vouch for is nobody else's business.
		if who, err := i.issuer.of(r.Context(), token); who != nil || err != nil {
			return who, err
		}
	}
	// The library asks for these audiences only if the request's context names them.
	ours := r.WithContext(authenticator.WithAudiences(r.Context(), i.audiences))
	answer, ok, err := i.issued.AuthenticateRequest(ours)
	if err != nil && isRefusal(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %v", errAway, err)
	}
	if !ok {
		return nil, nil
	}
	return &identity{Info: answer.User}, nil
}

// isRefusal tells whether an error is the API's verdict on a token, not a fault of the API.
func isRefusal(err error) bool {
	text := err.Error()
	return strings.Contains(text, "invalid bearer token") || strings.Contains(text, "token audiences")
}

// expired tells whether a token says itself that it is over: verdicts are cached for longer.
func expired(token string) bool {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return false
	}
	text, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return false
	}
	claims := struct {
		Expires int64 `json:"exp"`
	}{}
	if json.Unmarshal(text, &claims) != nil || claims.Expires == 0 {
		return false
	}
	return time.Now().Unix() >= claims.Expires
}

// sessionCookie returns the cookies of the session as one header; they may be in parts, NAME_0 and so on.
func (i *identities) sessionCookie(r *http.Request) string {
	if i.login == nil {
		return ""
	}
	var found []string
	for _, each := range r.Cookies() {
		if isOf(each.Name, i.login.Cookie) {
			found = append(found, each.Name+"="+each.Value)
		}
	}
	return strings.Join(found, "; ")
}

// isOf tells whether a cookie belongs to oauth2-proxy: the session, its parts, and the state of a login.
func isOf(name, session string) bool {
	return name == session || strings.HasPrefix(name, session+"_")
}

func (i *identities) ofSession(ctx context.Context, cookie string) (*identity, error) {
	key := sha256.Sum256([]byte(cookie))
	if found, ok := i.sessions.Get(key); ok {
		return found.(*identity), nil
	}
	known, err := i.askLogin(ctx, cookie)
	if known == nil || err != nil {
		return nil, err
	}
	name := known.Email
	if name == "" {
		name = known.User
	}
	if name == "" {
		return nil, nil
	}
	// As the API server does for whoever it has identified.
	groups := []string{user.AllAuthenticated}
	for _, each := range known.Groups {
		if each != "" {
			groups = append(groups, i.login.Prefix+each)
		}
	}
	found := &identity{Info: &user.DefaultInfo{Name: i.login.Prefix + name, Groups: groups}, session: true}
	i.sessions.Set(key, found, sessionSeconds*time.Second)
	return found, nil
}

// signedIn is what oauth2-proxy says of a session. Its answers to proxies join the groups by commas, and an issuer's
// group with a comma in its name would be two there; this one is a list.
type signedIn struct {
	User   string   `json:"user"`
	Email  string   `json:"email"`
	Groups []string `json:"groups"`
}

// askLogin returns whose session a cookie is; nil without an error if there is none.
func (i *identities) askLogin(ctx context.Context, cookie string) (*signedIn, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, i.login.URL+"/oauth2/userinfo", nil)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Cookie", cookie)
	answer, err := i.client.Do(request)
	if err != nil {
		return nil, fmt.Errorf("%w: %v", errAway, err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(io.LimitReader(answer.Body, 1<<20))
	if err != nil {
		return nil, fmt.Errorf("%w: %v", errAway, err)
	}
	switch {
	case answer.StatusCode >= http.StatusInternalServerError:
		return nil, fmt.Errorf("%w: the login answered %d", errAway, answer.StatusCode)
	case answer.StatusCode != http.StatusOK:
		return nil, nil
	}
	known := &signedIn{}
	if err := json.Unmarshal(text, known); err != nil {
		return nil, fmt.Errorf("%w: the login's answer is unreadable: %v", errAway, err)
	}
	return known, nil
}

func newRights(client kubernetes.Interface) (authorizer.Authorizer, error) {
	return authorizerfactory.DelegatingAuthorizerConfig{
		SubjectAccessReviewClient: client.AuthorizationV1(),
		AllowCacheTTL:             rightsSeconds * time.Second,
		DenyCacheTTL:              rightsSeconds * time.Second,
		WebhookRetryBackoff:       backoff(),
	}.New()
}
