package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/crossoverJie/k8s-combat/infra/e2e/echo/wire"
)

// maxBody bounds what is read of a request to the control port.
const maxBody = 1 << 20

// echo answers with what has arrived.
func echo(pod string, counts *counts) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		counts.add(r.Header.Get(wire.ID))
		status, delay, err := wanted(r.Header)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		select {
		case <-time.After(delay):
		case <-r.Context().Done():
			return
		}
		w.Header().Set(wire.Server, wire.ServerValue)
		answer(w, status, wire.Answer{Pod: pod, Method: r.Method, URI: r.RequestURI, Host: r.Host, Header: r.Header})
	})
}

// wanted reads how a request wants to be answered.
func wanted(header http.Header) (status int, delay time.Duration, err error) {
	status = http.StatusOK
	if text := header.Get(wire.Status); text != "" {
		if status, err = strconv.Atoi(text); err != nil || status < 200 || status > 599 {
			return 0, 0, fmt.Errorf("%s: %q is not a status; use 200 to 599", wire.Status, text)
		}
	}
	if text := header.Get(wire.Delay); text != "" {
		if delay, err = time.ParseDuration(text); err != nil || delay < 0 || delay > wire.MaxDelay {
			return 0, 0, fmt.Errorf("%s: %q is not a duration; use 0s to %s", wire.Delay, text, wire.MaxDelay)
		}
	}
	return status, delay, nil
}

// control answers the tests.
func control(counts *counts) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+wire.PathCount, func(w http.ResponseWriter, r *http.Request) {
		answer(w, http.StatusOK, counts.of(r.URL.Query().Get(wire.ID)))
	})
	mux.HandleFunc("GET "+wire.PathSay, func(w http.ResponseWriter, r *http.Request) {
		content := json.RawMessage(r.URL.Query().Get(wire.Content))
		if !json.Valid(content) {
			http.Error(w, wire.Content+" is not JSON", http.StatusBadRequest)
			return
		}
		answer(w, http.StatusOK, content)
	})
	mux.HandleFunc("POST "+wire.PathCall, func(w http.ResponseWriter, r *http.Request) {
		var call wire.Call
		if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody)).Decode(&call); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		results, err := makeCalls(r.Context(), call)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		answer(w, http.StatusOK, results)
	})
	return mux
}

func answer(w http.ResponseWriter, status int, content any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	// The reader has gone, or it has not: there is nobody else to tell.
	_ = json.NewEncoder(w).Encode(content)
}

// counts counts requests by name.
type counts struct {
	mu     sync.Mutex
	byName map[string]int
}

func newCounts() *counts { return &counts{byName: map[string]int{}} }

// maxNames bounds the names; what has none of its own is not counted.
const maxNames = 1000

func (c *counts) add(name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, known := c.byName[name]; name != "" && (known || len(c.byName) < maxNames) {
		c.byName[name]++
	}
}

func (c *counts) of(name string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.byName[name]
}
