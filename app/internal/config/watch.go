package config

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync"
	"time"
)

// Watcher is the mounted file as it is in force: the last good one, or the
// defaults. Use NewWatcher. It is safe for concurrent use.
//
// It looks at the file every so often, rather than have the kernel tell it.
// Kubelet replaces a whole folder at once, by a symbolic link "..data" that it
// renames, up to a minute after the ConfigMap has changed; a look costs a
// microsecond, needs none of the few inotify instances that a node has for all its
// pods, and works on every file system.
type Watcher struct {
	path string
	// changed is told of each file that was read, and of each that was refused.
	changed func(state State)

	mu    sync.Mutex
	state State
	seen  fs.FileInfo
}

// State is what a Watcher knows.
type State struct {
	// File is the one in force.
	File File
	// Read is when it was read, zero if it is the defaults.
	Read time.Time
	// Err says what is wrong with the file that is there now. File is older then.
	Err error
}

// NewWatcher reads the file for the first time. changed, which must not call back,
// is called by each later look that finds something new.
func NewWatcher(path string, changed func(state State)) *Watcher {
	w := &Watcher{path: path, changed: changed, state: State{File: DefaultFile()}}
	w.seen, _ = w.stat()
	w.take(ReadFile(path))
	return w
}

// State returns what is in force.
func (w *Watcher) State() State {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.state
}

// Run looks every interval until ctx ends. Without a path there is nothing to look
// at.
func (w *Watcher) Run(ctx context.Context, interval time.Duration) {
	if w.path == "" || interval <= 0 {
		return
	}
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			w.look()
		}
	}
}

// look reads the file again if it is another one.
func (w *Watcher) look() {
	before, err := w.stat()
	if err != nil {
		w.gone(err)
		return
	}
	// One that could not be used may be usable now, by new permissions.
	known := same(before, w.seen)
	if known && w.State().Err == nil {
		return
	}
	file, err := ReadFile(w.path)
	// One that changes while it is read is half of something: the next look finds
	// it whole.
	if after, _ := w.stat(); !same(before, after) {
		return
	}
	if known && err != nil {
		return
	}
	w.seen = before
	w.take(file, err)
	w.report()
}

// gone is told once of a file that has disappeared.
func (w *Watcher) gone(err error) {
	if w.seen == nil {
		return
	}
	w.seen = nil
	w.take(File{}, err)
	w.report()
}

func (w *Watcher) report() {
	w.changed(w.State())
}

func (w *Watcher) take(file File, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.state.Err = err
	if err == nil && w.path != "" {
		w.state.File, w.state.Read = file, time.Now()
	}
}

func (w *Watcher) stat() (fs.FileInfo, error) {
	if w.path == "" {
		return nil, nil
	}
	return os.Stat(w.path)
}

// same reports whether two looks saw the same content: that of one inode, not
// written to in between. Behind the link there is another inode.
func same(a, b fs.FileInfo) bool {
	if a == nil || b == nil {
		return a == nil && b == nil
	}
	return os.SameFile(a, b) && a.Size() == b.Size() && a.ModTime().Equal(b.ModTime())
}

// Problem says what is wrong with the file, in words that hold no secret, or
// nothing.
func (s State) Problem() string {
	switch {
	case s.Err == nil:
		return ""
	case s.Missing():
		return "missing"
	default:
		return fmt.Sprintf("unusable: %v", s.Err)
	}
}

// Missing reports whether there is no file now.
func (s State) Missing() bool { return errors.Is(s.Err, fs.ErrNotExist) }
