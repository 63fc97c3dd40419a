package mesh

import (
	"net/http"
	"net/url"
	"slices"
	"time"

	"google.golang.org/protobuf/types/known/wrapperspb"
	networking "istio.io/api/networking/v1alpha3"

	"github.com/crossoverJie/k8s-combat/infra/internal/problem"
)

// CORS is a policy of cross-origin resource sharing.
// See https://istio.io/latest/docs/reference/config/networking/virtual-service/#CorsPolicy.
type CORS struct {
	// AllowOrigins are the origins that may ask, as "https://www.example.com"; Exact("*") is any.
	// Required where any other field is set.
	AllowOrigins []StringMatch
	// AllowMethods are HTTP methods, or "*". Default to none.
	AllowMethods []string
	// AllowHeaders and ExposeHeaders are names of headers, or "*". Default to none.
	AllowHeaders, ExposeHeaders []string
	// MaxAge is how long a browser may remember the answer, in whole seconds. Defaults to the
	// browser's own, mostly 5 s.
	MaxAge time.Duration
	// AllowCredentials lets browsers send cookies. Defaults to false.
	AllowCredentials bool
}

// anyName stands for all methods or headers.
const anyName = "*"

// httpMethods are those that Istio takes.
var httpMethods = []string{
	http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch,
	http.MethodDelete, http.MethodConnect,
	http.MethodOptions, http.MethodTrace,
}

func (c CORS) isZero() bool {
	return len(c.AllowOrigins)+len(c.AllowMethods)+len(c.AllowHeaders)+len(c.ExposeHeaders) == 0 &&
		c.MaxAge == 0 && !c.AllowCredentials
}

func (c CORS) validate(p *problem.List, field *problem.Path) {
	if !c.isZero() && len(c.AllowOrigins) == 0 {
		p.Missing(field.Child("AllowOrigins"), "name the origins that may ask")
	}
	for i, origin := range c.AllowOrigins {
		at := field.Child("AllowOrigins").Index(i)
		origin.validate(p, at, false)
		if origin.kind == matchExact && origin.value != "" && !isOrigin(origin.value) {
			p.Add(at, origin.value,
				"is not the origin of any page; use scheme, host and port without a path, for example \"https://www.example.com\", or \"*\" for any")
		}
	}
	validateWholeSeconds(p, field.Child("MaxAge"), c.MaxAge)
	for i, method := range c.AllowMethods {
		if method != anyName && !slices.Contains(httpMethods, method) {
			p.Add(field.Child("AllowMethods").Index(i), method,
				"is not an HTTP method that Istio takes; use *, "+problem.Or(httpMethods))
		}
	}
	for _, headers := range []namedValues{{"AllowHeaders", c.AllowHeaders},
		{"ExposeHeaders", c.ExposeHeaders}} {
		for i, name := range headers.values {
			at := field.Child(headers.field).Index(i)
			if name != anyName && !isToken(name) {
				p.Add(at, name, headerEditRule+", or \"*\" for any")
			}
			if name == anyName && headers.field == "ExposeHeaders" && c.AllowCredentials {
				p.Add(at, name,
					"stands for no header where browsers send cookies (AllowCredentials); name the headers")
			}
		}
	}
}

// isOrigin reports whether a browser may send the text as an Origin, or it stands for all of them.
func isOrigin(text string) bool {
	if text == anyName || text == "null" {
		return true
	}
	origin, err := url.Parse(text)
	return err == nil && origin.Host != "" && text == origin.Scheme+"://"+origin.Host
}

// validateWholeSeconds checks a duration of which Istio drops what is less than a second.
func validateWholeSeconds(p *problem.List, field *problem.Path, d time.Duration) {
	if d < 0 {
		p.Add(field, d, "is negative; use 0s or more")
	} else if d%time.Second != 0 {
		p.Add(field, d, "is not in whole seconds, which is what Istio takes; use for example 1s")
	}
}

func (c CORS) render() *networking.CorsPolicy {
	if c.isZero() {
		return nil
	}
	policy := &networking.CorsPolicy{
		AllowMethods:  slices.Clone(c.AllowMethods),
		AllowHeaders:  slices.Clone(c.AllowHeaders),
		ExposeHeaders: slices.Clone(c.ExposeHeaders),
		MaxAge:        optionalDuration(c.MaxAge),
	}
	for _, origin := range c.AllowOrigins {
		policy.AllowOrigins = append(policy.AllowOrigins, origin.render())
	}
	if c.AllowCredentials {
		policy.AllowCredentials = wrapperspb.Bool(true)
	}
	return policy
}
