// Package flags reads feature flags, through OpenFeature, from flagd or any other
// server of the OpenFeature Remote Evaluation Protocol.
package flags

import (
	"context"
	"net/url"
	"strings"
	"time"

	"github.com/open-feature/go-sdk/openfeature"
	"github.com/open-feature/go-sdk/openfeature/isolated"

	"github.com/crossoverJie/k8s-combat/app/internal/propagate"
)

// timeout bounds each question: who asks has something better to do, and there is a
// default.
const timeout = 250 * time.Millisecond

// Flags are the flags of one service. Use New, and Close. It is safe for concurrent
// use.
type Flags struct {
	api    *openfeature.EvaluationAPI
	client *openfeature.Client
}

// New returns the flags of the server at endpoint. Without one every flag has its
// default.
func New(endpoint *url.URL) (*Flags, error) {
	api := isolated.NewAPI()
	if endpoint != nil {
		if err := api.SetProviderAndWait(context.Background(), newProvider(endpoint)); err != nil {
			return nil, err
		}
	}
	return &Flags{api, api.NewClient()}, nil
}

// Valid reports whether a flag may have a name: 1 to 128 printable ASCII characters,
// and no part between slashes that is empty or made of dots alone. The name is part
// of a path, which proxies and servers shorten by such parts, escaped or not.
func Valid(name string) bool {
	if !propagate.Valid(name) {
		return false
	}
	for part := range strings.SplitSeq(strings.ReplaceAll(name, `\`, "/"), "/") {
		if strings.Trim(part, ". ") == "" {
			return false
		}
	}
	return true
}

// String returns the value of a flag of text. It is fallback if there is no such
// flag, no answer, or if the name is not Valid.
func (f *Flags) String(ctx context.Context, key, fallback string) string {
	if !Valid(key) {
		return fallback
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	// The error is one of those that fallback is for.
	value, _ := f.client.StringValue(ctx, key, fallback, openfeature.EvaluationContext{})
	return value
}

// Close ends what New began. Flags have their defaults from then on.
func (f *Flags) Close() {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	_ = f.api.Shutdown(ctx)
}
