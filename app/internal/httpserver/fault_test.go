package httpserver_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/crossoverJie/k8s-combat/app/internal/httpserver"
)

func faulty() httpserver.Options {
	o := options()
	o.Fault = true
	return o
}

func TestFaultIsOffByDefault(t *testing.T) {
	assert.Equal(t, 404, get(options(), "/fault?error=500").Code)
}

func TestFault(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		w := get(faulty(), "/fault?delay=2s&error=503")
		assert.Equal(t, 503, w.Code)
		assert.Equal(t, 2*time.Second, time.Since(start))
	})
	assert.Equal(t, 500, get(faulty(), "/fault?panic=true").Code)
	assert.Equal(t, 200, get(faulty(), "/fault").Code)
}

func TestFaultCrashes(t *testing.T) {
	o := faulty()
	var exits []int
	o.Exit = func(status int) { exits = append(exits, status) }
	get(o, "/fault?crash=false")
	assert.Empty(t, exits)
	get(o, "/fault?crash=true")
	assert.Equal(t, []int{1}, exits)
}

func TestFaultRefuses(t *testing.T) {
	for query, want := range map[string]string{
		"delay=61s":          `query parameter delay="61s": allowed is 0s to 1m0s, such as 1.5s`,
		"delay=-1s":          `query parameter delay="-1s": allowed is 0s to 1m0s, such as 1.5s`,
		"delay=5":            `query parameter delay="5": allowed is 0s to 1m0s, such as 1.5s`,
		"error=200":          `query parameter error="200": allowed is a status from 400 to 599`,
		"error=600":          `query parameter error="600": allowed is a status from 400 to 599`,
		"error=x":            `query parameter error="x": allowed is a status from 400 to 599`,
		"ready=maybe":        `query parameter ready="maybe": allowed is true or false`,
		"live=":              `query parameter live="": allowed is true or false`,
		"panic=1":            `query parameter panic="1": allowed is true or false`,
		"crash=1":            `query parameter crash="1": allowed is true or false`,
		"hang=2h":            `query parameter hang="2h": allowed is 0s to 1h0m0s, such as 30s`,
		"ready=false&for=2h": `query parameter for="2h": allowed is 0s to 1h0m0s, such as 30s`,
		"delay=1s&delay=2s":  "query parameter delay: given 2 times; allowed is once",
		"memory=2000000000":  `query parameter memory="2000000000": allowed is 0 to 1073741824 bytes`,
		"memory=1Mi":         `query parameter memory="1Mi": allowed is 0 to 1073741824 bytes`,
		"cpu=17":             `query parameter cpu="17": allowed is 0 to 16 processors`,
		"cpu=-1":             `query parameter cpu="-1": allowed is 0 to 16 processors`,
		"dealy=1s":           `query parameter "dealy": allowed are delay, error, panic, crash, ready, live, hang, memory, cpu and for`,
		"%zz":                `query: invalid URL escape "%zz"`,
	} {
		w := get(faulty(), "/fault?"+query)
		assert.Equal(t, 400, w.Code, query)
		assert.Equal(t, want+"\n", w.Body.String())
	}
}

func TestFaultSwitches(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		handler := newHandler(faulty())
		code := func(target string) int {
			w := httptest.NewRecorder()
			handler.ServeHTTP(w, httptest.NewRequest(http.MethodGet, target, nil))
			return w.Code
		}
		assert.Equal(t, 200, code("/fault?ready=false&live=false&for=10s"))
		assert.Equal(t, 503, code("/readyz"))
		assert.Equal(t, 503, code("/healthz"))
		assert.Equal(t, 200, code("/ping"))
		time.Sleep(11 * time.Second)
		assert.Equal(t, 200, code("/readyz"), "it ends by itself")
		assert.Equal(t, 200, code("/healthz"))

		assert.Equal(t, 200, code("/fault?ready=false&live=false"))
		assert.Equal(t, 200, code("/fault?ready=true&live=true"))
		assert.Equal(t, 200, code("/readyz"), "or before")
		assert.Equal(t, 200, code("/healthz"))
	})
}

func TestFaultHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := faulty()
		stopping, stop := context.WithCancel(t.Context())
		o.Stopping = stopping.Done()
		handler := newHandler(o)
		took := func(target string) time.Duration {
			start := time.Now()
			handler.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, target, nil))
			return time.Since(start)
		}
		assert.Zero(t, took("/fault?hang=10s"))
		assert.Equal(t, 10*time.Second, took("/healthz"), "probes too")
		assert.Zero(t, took("/healthz"))

		took("/fault?hang=10s")
		time.AfterFunc(time.Second, stop)
		assert.Equal(t, time.Second, took("/healthz"), "a shutdown ends it")
	})
}
