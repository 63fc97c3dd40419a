package httpserver

import (
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"time"

	"github.com/crossoverJie/k8s-combat/app/contract"
)

// maxBodyBytes is generous for endpoints that need no body.
const maxBodyBytes = 1 << 20

// observe logs each request once it is over, without its query and headers, which
// may hold secrets, and turns a panic into a 500.
func observe(log *slog.Logger, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := time.Now()
		rec := &recorder{ResponseWriter: w}
		defer func() {
			abort := recoverPanic(log, rec, r, recover())
			logRequest(log, rec, r, start)
			if abort {
				panic(http.ErrAbortHandler)
			}
		}()
		next.ServeHTTP(rec, r)
	})
}

// recoverPanic answers 500 in place of a handler that panicked. Where the answer
// has begun it returns true: the connection must be cut, or the client would take
// a part for the whole.
func recoverPanic(log *slog.Logger, w *recorder, r *http.Request, cause any) (abort bool) {
	if cause == nil {
		return false
	}
	if cause == http.ErrAbortHandler {
		return true
	}
	log.LogAttrs(r.Context(), slog.LevelError, "handler panicked",
		slog.String("method", r.Method), slog.String("path", r.URL.Path),
		slog.String("cause", fmt.Sprint(cause)), slog.String("stack", string(debug.Stack())))
	if w.status != 0 {
		return true
	}
	http.Error(w, "internal error", http.StatusInternalServerError)
	return false
}

// logRequest leaves probes to those who debug: there is one every few seconds.
func logRequest(log *slog.Logger, w *recorder, r *http.Request, start time.Time) {
	level := slog.LevelInfo
	if r.URL.Path == contract.PathHealth || r.URL.Path == contract.PathReady {
		level = slog.LevelDebug
	}
	code := w.status
	if code == 0 {
		code = http.StatusOK
	}
	log.LogAttrs(r.Context(), level, "request",
		slog.String("method", r.Method),
		slog.String("path", r.URL.Path),
		slog.Int("status", code),
		slog.Float64("duration_ms", float64(time.Since(start).Microseconds())/1000))
}

// recorder remembers the status, which is 0 until the answer begins.
type recorder struct {
	http.ResponseWriter
	status int
}

func (r *recorder) WriteHeader(status int) {
	// Informational answers go before the real one.
	if r.status == 0 && status >= http.StatusOK {
		r.status = status
	}
	r.ResponseWriter.WriteHeader(status)
}

func (r *recorder) Write(p []byte) (int, error) {
	if r.status == 0 {
		r.status = http.StatusOK
	}
	return r.ResponseWriter.Write(p)
}

// Unwrap is for http.ResponseController.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }

// closeUnlessReady asks clients to open their next connection elsewhere once
// the service is not ready. Said with an answer, it is no race: a client does not
// send another request on that connection.
func closeUnlessReady(ready func() bool, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !ready() {
			w.Header().Set("Connection", "close")
		}
		next.ServeHTTP(w, r)
	})
}

// limitBody refuses bodies that say they are too long, and cuts the others.
func limitBody(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ContentLength > maxBodyBytes {
			w.Header().Set("Connection", "close")
			http.Error(w, fmt.Sprintf("body of %d bytes; allowed are %d", r.ContentLength, maxBodyBytes), http.StatusRequestEntityTooLarge)
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, maxBodyBytes)
		next.ServeHTTP(w, r)
	})
}
