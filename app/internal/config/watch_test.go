package config_test

import (
	"context"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/crossoverJie/k8s-combat/app/internal/config"
)

// mount is a folder as kubelet makes it of a ConfigMap: the file is a link into
// "..data", which is a link to a folder of the moment.
type mount struct {
	t    *testing.T
	dir  string
	path string
}

func newMount(t *testing.T, content string) *mount {
	m := &mount{t: t, dir: t.TempDir()}
	m.path = filepath.Join(m.dir, "app.yaml")
	require.NoError(t, os.Symlink(filepath.Join("..data", "app.yaml"), m.path))
	m.swap(content)
	return m
}

// swap replaces the content as kubelet does.
func (m *mount) swap(content string) {
	m.t.Helper()
	folder, err := os.MkdirTemp(m.dir, "..2026_")
	require.NoError(m.t, err)
	require.NoError(m.t, os.WriteFile(filepath.Join(folder, "app.yaml"), []byte(content), 0o600))
	link, data := filepath.Join(m.dir, "..data_tmp"), filepath.Join(m.dir, "..data")
	before, _ := os.Readlink(data)
	require.NoError(m.t, os.Symlink(filepath.Base(folder), link))
	require.NoError(m.t, os.Rename(link, data))
	if before != "" {
		require.NoError(m.t, os.RemoveAll(filepath.Join(m.dir, before)))
	}
}

// watching runs a watcher that looks often, and returns the states it reports.
func watching(t *testing.T, path string) (*config.Watcher, chan config.State) {
	t.Helper()
	states := make(chan config.State, 10)
	w := config.NewWatcher(path, func(s config.State) { states <- s })
	ctx, cancel := context.WithCancel(t.Context())
	var wait sync.WaitGroup
	wait.Go(func() { w.Run(ctx, time.Millisecond) })
	t.Cleanup(wait.Wait)
	t.Cleanup(cancel)
	return w, states
}

func await(t *testing.T, states chan config.State) config.State {
	t.Helper()
	select {
	case s := <-states:
		return s
	case <-time.After(10 * time.Second):
		t.Fatal("nothing noticed")
		return config.State{}
	}
}

func none(t *testing.T, states chan config.State) {
	t.Helper()
	select {
	case s := <-states:
		t.Fatalf("noticed %v", s)
	case <-time.After(50 * time.Millisecond):
	}
}

func TestWatcherTakesASwap(t *testing.T) {
	m := newMount(t, "name: one")
	w, states := watching(t, m.path)
	assert.Equal(t, "one", w.State().File.Name)
	none(t, states)

	m.swap("name: two")
	assert.Equal(t, "two", await(t, states).File.Name)
	assert.Equal(t, "two", w.State().File.Name)
	none(t, states)
}

func TestWatcherKeepsTheLastGoodFile(t *testing.T) {
	m := newMount(t, "name: one")
	w, states := watching(t, m.path)
	m.swap("name: [hunter2")
	s := await(t, states)
	assert.Equal(t, "one", s.File.Name)
	assert.ErrorContains(t, s.Err, "is not the YAML file expected")
	assert.NotContains(t, s.Problem(), "hunter2")
	none(t, states)

	m.swap("name: three")
	assert.Equal(t, "three", await(t, states).File.Name)
	assert.Empty(t, w.State().Problem())
}

func TestWatcherOfAFileThatComesAndGoes(t *testing.T) {
	path := filepath.Join(t.TempDir(), "app.yaml")
	w, states := watching(t, path)
	assert.Equal(t, config.DefaultFile(), w.State().File)
	assert.True(t, w.State().Missing())
	assert.True(t, w.State().Read.IsZero())
	none(t, states)

	require.NoError(t, os.WriteFile(path, []byte("name: one"), 0o600))
	for s := await(t, states); s.File.Name != "one"; s = await(t, states) {
		assert.Equal(t, config.DefaultFile(), s.File, "an empty file, a moment before")
	}
	require.NoError(t, os.Remove(path))
	s := await(t, states)
	assert.True(t, s.Missing())
	assert.Equal(t, "one", s.File.Name)
	none(t, states)
}

func TestWatcherOfNothing(t *testing.T) {
	w := config.NewWatcher("", nil)
	w.Run(t.Context(), time.Millisecond)
	assert.Equal(t, config.State{File: config.DefaultFile()}, w.State())
}

func TestWatcherKeepsGoodValues(t *testing.T) {
	for name, content := range map[string]string{
		"empty": "", "null": "null\n", "several documents": "name: two\n---\nname: three\n", "long name": "name: " + string(make([]byte, 200)),
	} {
		t.Run(name, func(t *testing.T) {
			m := newMount(t, "name: one\npulsar: {token: good}\n")
			w, states := watching(t, m.path)
			m.swap(content)
			assert.Error(t, (<-states).Err)
			assert.Equal(t, config.File{Name: "one", Pulsar: config.Pulsar{Token: "good"}}, w.State().File)
		})
	}
}
