// Package bodies sends a small request to its server in one piece.
//
// Go's client sends the headers of a request apart from a body that it has yet to read, which costs one more system
// call and wakes the server twice (net/http, transferWriter.FlushHeaders).
package bodies

import (
	"bytes"
	"io"
	"net/http"
)

const most = 16 << 10

type whole struct{ next http.RoundTripper }

// Whole returns a transport that reads small bodies before it sends the request; larger ones, and those whose length
// is unknown, are passed on as they arrive.
func Whole(next http.RoundTripper) http.RoundTripper { return whole{next} }

// RoundTrip sends one request.
func (w whole) RoundTrip(request *http.Request) (*http.Response, error) {
	if request.ContentLength <= 0 || request.ContentLength > most {
		return w.next.RoundTrip(request)
	}
	text := make([]byte, request.ContentLength)
	_, err := io.ReadFull(request.Body, text)
	request.Body.Close()
	if err != nil {
		return nil, err
	}
	read := request.WithContext(request.Context())
	read.Body = io.NopCloser(bytes.NewReader(text))
	return w.next.RoundTrip(read)
}
