// Package wire is what command echo and the end-to-end tests say to each other.
package wire

import (
	"net/http"
	"time"
)

const (
	// Port is where every request is answered with an Answer.
	Port = 8080
	// ControlPort is where the tests ask. It is not meant to go through a proxy.
	ControlPort = 8090

	// PathCount answers how many requests came with the ID that the query names.
	PathCount = "/count"
	// PathCall takes a Call, and answers with its Results.
	PathCall = "/call"
	// PathSay answers with the JSON that the parameter Content of the query holds.
	PathSay = "/say"
	// Content is that parameter.
	Content = "content"
)

// Headers of a request that say how it is answered.
const (
	// Status is the status of the answer. Defaults to 200.
	Status = "x-echo-status"
	// Delay is how long the answer takes, as a Go duration of at most MaxDelay. Defaults to none.
	Delay = "x-echo-delay"
	// ID is what the request is counted by. Defaults to none.
	ID = "x-echo-id"
)

const (
	// Server is a header of every answer, for proxies to change.
	Server = "x-echo-server"
	// ServerValue is its value.
	ServerValue = "echo"
)

// MaxDelay bounds Delay.
const MaxDelay = 30 * time.Second

// Answer tells of the request that has arrived.
type Answer struct {
	// Pod is the name of the pod.
	Pod string
	// Method, URI and Host are those of the request line and the header of that name.
	Method, URI, Host string
	Header            http.Header
}

// Call is a call to make, once or more often.
type Call struct {
	// URL is http://HOST:PORT/PATH, or grpc://HOST:PORT to say hello there.
	URL string
	// Method of HTTP. Defaults to GET.
	Method string
	// Header of the request, or metadata; one called Host is the host that is asked for.
	Header map[string]string
	// Count is how often, 1 to MaxCount, MaxRate times a second.
	Count int
}

// What a Call may not exceed: it is made to prove something, not to overwhelm a cluster.
const (
	MaxCount = 2000
	MaxRate  = 200
	// Timeout bounds each of the calls.
	Timeout = 15 * time.Second
)

// Result is how one of the calls ended.
type Result struct {
	// Error says why there was no response, or how the call of gRPC failed. Empty for none.
	Error string
	// Status is the HTTP status, or the code of gRPC.
	Status int
	// Body is that of the response, or the greeting.
	Body    string
	Header  http.Header
	Elapsed time.Duration
}
