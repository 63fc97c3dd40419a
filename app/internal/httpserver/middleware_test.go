package httpserver

import (
	"bytes"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// No handler of ours writes in two steps, so these are tried with others.
func TestObserveCutsAnAnswerThatHasBegun(t *testing.T) {
	tests := map[string]struct {
		cause any
		log   string
	}{
		"panic": {"kaboom", `msg="handler panicked"`},
		"abort": {http.ErrAbortHandler, ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var log bytes.Buffer
			server := httptest.NewServer(observe(slog.New(slog.NewTextHandler(&log, nil)), http.HandlerFunc(
				func(w http.ResponseWriter, _ *http.Request) {
					_, _ = io.WriteString(w, "half")
					assert.NoError(t, http.NewResponseController(w).Flush())
					panic(tt.cause)
				})))
			response, err := server.Client().Get(server.URL)
			require.NoError(t, err)
			_, err = io.ReadAll(response.Body)
			assert.ErrorIs(t, err, io.ErrUnexpectedEOF)
			require.NoError(t, response.Body.Close())
			server.Close()
			assert.Contains(t, log.String(), "msg=request method=GET path=/ status=200")
			assert.Contains(t, log.String(), tt.log)
		})
	}
}

func TestRecorderSkipsInformationalAnswers(t *testing.T) {
	rec := &recorder{ResponseWriter: httptest.NewRecorder()}
	rec.WriteHeader(http.StatusEarlyHints)
	assert.Zero(t, rec.status)
	rec.WriteHeader(http.StatusTeapot)
	rec.WriteHeader(http.StatusOK)
	assert.Equal(t, http.StatusTeapot, rec.status)
}
