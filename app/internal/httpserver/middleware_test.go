package httpserver

import (
	"bytes"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/crossoverJie/k8s-combat/app/internal/lifecycle"
	"github.com/crossoverJie/k8s-combat/app/internal/logging"
	"github.com/crossoverJie/k8s-combat/app/internal/metrics"
)

// No handler of ours writes in two steps, so these are tried with others.
func TestObserveCutsAnAnswerThatHasBegun(t *testing.T) {
	tests := map[string]struct {
		cause any
		log   string
	}{
		"panic": {"kaboom", `"msg":"handler panicked"`},
		"abort": {http.ErrAbortHandler, ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			sink := logging.NewSink(&out)
			log := logging.New(sink, slog.LevelInfo, logging.NewIdentity("pod-1", "app"))
			s := newService(Options{Readiness: lifecycle.NewReadiness(), Metrics: metrics.New(), RequestLog: log, Log: log.Logger})
			s.handle("/half", func(w http.ResponseWriter, _ *http.Request) {
				_, _ = io.WriteString(w, "half")
				assert.NoError(t, http.NewResponseController(w).Flush())
				panic(tt.cause)
			})
			server := httptest.NewServer(s)
			response, err := server.Client().Get(server.URL + "/half")
			require.NoError(t, err)
			_, err = io.ReadAll(response.Body)
			assert.ErrorIs(t, err, io.ErrUnexpectedEOF)
			require.NoError(t, response.Body.Close())
			server.Close()
			sink.Close(time.Minute)
			assert.Contains(t, out.String(), `"method":"GET","path":"/half","status":200`)
			assert.Contains(t, out.String(), tt.log)
		})
	}
}

func TestRecorderSkipsInformationalAnswers(t *testing.T) {
	rec := &recorder{ResponseWriter: httptest.NewRecorder(), readiness: lifecycle.NewReadiness()}
	rec.WriteHeader(http.StatusEarlyHints)
	assert.Zero(t, rec.status)
	rec.WriteHeader(http.StatusTeapot)
	rec.WriteHeader(http.StatusOK)
	assert.Equal(t, http.StatusTeapot, rec.status)
}
