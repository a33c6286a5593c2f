package auth

import "net/http"

// connections keeps a connection to an authentication server for each request that is under way.
//
// The default transport keeps two to a host: of eight callers, six would wait for a new one at every request.
var connections = func() *http.Transport {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConnsPerHost = transport.MaxIdleConns
	return transport
}()
