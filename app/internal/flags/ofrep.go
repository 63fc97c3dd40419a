package flags

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/open-feature/go-sdk/openfeature"

	"github.com/crossoverJie/k8s-combat/app/internal/propagate"
)

// maxReplyBytes is far more than a flag.
const maxReplyBytes = 64 << 10

// provider speaks the OpenFeature Remote Evaluation Protocol, which is one request
// for each question. See https://openfeature.dev/specification/appendix-c.
type provider struct {
	base *url.URL
	http *http.Client
}

var _ openfeature.FeatureProvider = (*provider)(nil)

func newProvider(base *url.URL) *provider {
	return &provider{base: base, http: &http.Client{
		Transport: &http.Transport{
			// A proxy for the way out of the cluster is none for the way inside.
			Proxy:               nil,
			DialContext:         (&net.Dialer{Timeout: timeout}).DialContext,
			MaxIdleConnsPerHost: 4,
			IdleConnTimeout:     30 * time.Second,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// Metadata implements openfeature.FeatureProvider.
func (p *provider) Metadata() openfeature.Metadata { return openfeature.Metadata{Name: "OFREP"} }

// Hooks implements openfeature.FeatureProvider.
func (p *provider) Hooks() []openfeature.Hook { return nil }

// evaluation is an answer, good or bad.
type evaluation struct {
	Value     any    `json:"value"`
	Reason    string `json:"reason"`
	Variant   string `json:"variant"`
	ErrorCode string `json:"errorCode"`
}

func (p *provider) evaluate(ctx context.Context, flag string, flatCtx openfeature.FlattenedContext) (value any, detail openfeature.ProviderResolutionDetail) {
	e, status, err := p.ask(ctx, flag, flatCtx)
	switch {
	case err != nil:
		return nil, failed(openfeature.NewGeneralResolutionError(err.Error()))
	case status == http.StatusNotFound || e.ErrorCode == string(openfeature.FlagNotFoundCode):
		return nil, failed(openfeature.NewFlagNotFoundResolutionError(flag))
	case status != http.StatusOK:
		return nil, failed(openfeature.NewGeneralResolutionError(fmt.Sprintf("status %d %s", status, e.ErrorCode)))
	}
	return e.Value, openfeature.ProviderResolutionDetail{Reason: openfeature.Reason(e.Reason), Variant: e.Variant}
}

func (p *provider) ask(ctx context.Context, flag string, flatCtx openfeature.FlattenedContext) (e evaluation, status int, err error) {
	body, err := json.Marshal(map[string]any{"context": flatCtx})
	if err != nil {
		return e, 0, err
	}
	// JoinPath would take the dots of a flag for those of a path.
	address := p.base.JoinPath("ofrep/v1/evaluate/flags").String() + "/" + url.PathEscape(flag)
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(body))
	if err != nil {
		return e, 0, err
	}
	propagate.ToHTTP(ctx, request.Header)
	request.Header.Set("Content-Type", "application/json")
	response, err := p.http.Do(request)
	if err != nil {
		return e, 0, err
	}
	defer response.Body.Close()
	reply, err := io.ReadAll(io.LimitReader(response.Body, maxReplyBytes))
	if err != nil {
		return e, 0, err
	}
	if err := json.Unmarshal(reply, &e); err != nil && response.StatusCode == http.StatusOK {
		return e, 0, fmt.Errorf("reply of %s: %w", p.base.Redacted(), err)
	}
	return e, response.StatusCode, nil
}

func failed(err openfeature.ResolutionError) openfeature.ProviderResolutionDetail {
	return openfeature.ProviderResolutionDetail{ResolutionError: err, Reason: openfeature.ErrorReason}
}

// resolve asks for a flag and takes the answer if it is a T.
func resolve[T any](ctx context.Context, p *provider, flag string, fallback T, flatCtx openfeature.FlattenedContext) openfeature.GenericResolutionDetail[T] {
	value, detail := p.evaluate(ctx, flag, flatCtx)
	if detail.Error() != nil {
		return openfeature.GenericResolutionDetail[T]{Value: fallback, ProviderResolutionDetail: detail}
	}
	typed, ok := value.(T)
	if !ok {
		detail = failed(openfeature.NewTypeMismatchResolutionError(fmt.Sprintf("%s is %T, not %T", flag, value, fallback)))
		return openfeature.GenericResolutionDetail[T]{Value: fallback, ProviderResolutionDetail: detail}
	}
	return openfeature.GenericResolutionDetail[T]{Value: typed, ProviderResolutionDetail: detail}
}

// BooleanEvaluation implements openfeature.FeatureProvider.
func (p *provider) BooleanEvaluation(ctx context.Context, flag string, fallback bool, flatCtx openfeature.FlattenedContext) openfeature.BoolResolutionDetail {
	return resolve(ctx, p, flag, fallback, flatCtx)
}

// StringEvaluation implements openfeature.FeatureProvider.
func (p *provider) StringEvaluation(ctx context.Context, flag, fallback string, flatCtx openfeature.FlattenedContext) openfeature.StringResolutionDetail {
	return resolve(ctx, p, flag, fallback, flatCtx)
}

// FloatEvaluation implements openfeature.FeatureProvider.
func (p *provider) FloatEvaluation(ctx context.Context, flag string, fallback float64, flatCtx openfeature.FlattenedContext) openfeature.FloatResolutionDetail {
	return resolve(ctx, p, flag, fallback, flatCtx)
}

// IntEvaluation implements openfeature.FeatureProvider. All numbers of JSON are
// float64.
func (p *provider) IntEvaluation(ctx context.Context, flag string, fallback int64, flatCtx openfeature.FlattenedContext) openfeature.IntResolutionDetail {
	number := resolve(ctx, p, flag, float64(fallback), flatCtx)
	return openfeature.IntResolutionDetail{Value: int64(number.Value), ProviderResolutionDetail: number.ProviderResolutionDetail}
}

// ObjectEvaluation implements openfeature.FeatureProvider.
func (p *provider) ObjectEvaluation(ctx context.Context, flag string, fallback any, flatCtx openfeature.FlattenedContext) openfeature.InterfaceResolutionDetail {
	return resolve(ctx, p, flag, fallback, flatCtx)
}
