// Package provider calls the service that this one depends on.
package provider

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"github.com/crossoverJie/k8s-combat/app/contract"
	"github.com/crossoverJie/k8s-combat/app/internal/logging"
	"github.com/crossoverJie/k8s-combat/app/internal/propagate"
)

// maxReplyBytes is far more than "pong". Of a longer reply the rest is not read.
const maxReplyBytes = 64 << 10

// Client asks one provider. Use New. It is safe for concurrent use.
type Client struct {
	ping   string
	http   *http.Client
	tracer trace.Tracer
}

// New returns a client of the provider at a base URL, of whose calls tracer makes
// spans.
//
// Each call opens a connection of its own: a Service balances connections, not
// requests, so a connection kept alive would send every call to one pod, and
// fail when that pod goes.
func New(base *url.URL, tracer trace.Tracer) *Client {
	return &Client{
		ping:   base.JoinPath(contract.PathPing).String(),
		tracer: tracer,
		http: &http.Client{
			Transport: &http.Transport{
				// A proxy for the way out of the cluster is none for the way inside.
				Proxy:                  nil,
				DisableKeepAlives:      true,
				DialContext:            (&net.Dialer{Timeout: 5 * time.Second}).DialContext,
				TLSHandshakeTimeout:    5 * time.Second,
				MaxResponseHeaderBytes: maxReplyBytes,
			},
			// A redirect is an answer, and not the one expected.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}
}

// Ping returns the status of the provider's answer to /ping, such as "200 OK",
// which it asks for with what ctx carries on. A status that is not 2xx is an error.
func (c *Client) Ping(ctx context.Context) (providerStatus string, err error) {
	ctx, span := c.tracer.Start(ctx, http.MethodGet, trace.WithSpanKind(trace.SpanKindClient),
		trace.WithAttributes(attribute.String("http.request.method", http.MethodGet), attribute.String("url.full", c.ping)))
	defer func() {
		if err != nil {
			span.SetStatus(codes.Error, logging.Text(err.Error()))
		}
		span.End()
	}()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, c.ping, nil)
	if err != nil {
		return "", err
	}
	propagate.ToHTTP(ctx, request.Header)
	response, err := c.http.Do(request)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	span.SetAttributes(attribute.Int("http.response.status_code", response.StatusCode))
	if _, err := io.Copy(io.Discard, io.LimitReader(response.Body, maxReplyBytes)); err != nil {
		return "", fmt.Errorf("reply of %s: %w", c.ping, err)
	}
	if response.StatusCode/100 != 2 {
		return "", fmt.Errorf("%s answered %s", c.ping, response.Status)
	}
	return response.Status, nil
}
