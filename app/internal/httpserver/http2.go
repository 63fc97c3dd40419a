package httpserver

import (
	"net/http"

	"golang.org/x/net/http2"
)

const (
	// maxStreams bounds the requests of one connection of HTTP/2 that are under way.
	maxStreams = 16
	// uploadBytes is what a connection may send before it is read.
	uploadBytes = 64 << 10
)

// configureHTTP2 has a server speak HTTP/2, by the package that gRPC has in the program
// anyway: that of net/http would be half a megabyte more, and is left out of the image.
func configureHTTP2(server *http.Server) {
	server.HTTP2 = &http.HTTP2Config{
		MaxConcurrentStreams: maxStreams, MaxReadFrameSize: 16 << 10,
		MaxReceiveBufferPerConnection: uploadBytes, MaxReceiveBufferPerStream: uploadBytes,
	}
	// The only errors are of settings for TLS, of which there are none here.
	_ = http2.ConfigureServer(server, nil) //nolint:staticcheck // deprecated for what the image is without: see above
}
