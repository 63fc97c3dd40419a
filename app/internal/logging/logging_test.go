package logging_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
	"unicode"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/crossoverJie/k8s-combat/app/internal/logging"
)

func Example() {
	sink := logging.NewSink(os.Stdout)
	who := logging.NewIdentity("pod-1", "app")
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	log := logging.New(sink, slog.LevelInfo, who)
	log.Request(&logging.Request{
		Message: "request", Start: at, Duration: 1500 * time.Microsecond, Method: "GET", Path: "/ping", Status: 200, Bytes: 4,
	})
	log.Request(&logging.Request{Level: slog.LevelDebug, Message: "request"})
	sink.Close(time.Second)
	// Output:
	// {"time":"2026-01-02T03:04:05.0015Z","level":"INFO","msg":"request","app":"app","hostname":"pod-1","method":"GET","path":"/ping","status":200,"duration_ms":1.500,"bytes":4}
}

// gate is an output that takes nothing until it is opened.
type gate struct {
	open chan struct{}
	mu   sync.Mutex
	buf  bytes.Buffer
}

func (g *gate) Write(p []byte) (int, error) {
	<-g.open
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.buf.Write(p)
}

func (g *gate) String() string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.buf.String()
}

func TestSinkLosesNothing(t *testing.T) {
	var out bytes.Buffer
	sink := logging.NewSink(&out)
	const writers, lines = 8, 5000
	var wait sync.WaitGroup
	for w := range writers {
		wait.Go(func() {
			for i := range lines {
				sink.WriteLater(fmt.Appendf(nil, "%d %d %s\n", w, i, strings.Repeat("x", 100)))
			}
		})
	}
	wait.Wait()
	assert.True(t, sink.Close(time.Minute))
	assert.Equal(t, writers*lines, strings.Count(out.String(), "\n"))
	assert.Zero(t, sink.Dropped())
	next := map[int]int{}
	for line := range strings.Lines(out.String()) {
		var w, i int
		_, err := fmt.Sscanf(line, "%d %d", &w, &i)
		require.NoError(t, err)
		assert.Equal(t, next[w], i, "in order, and whole")
		next[w]++
	}
}

func TestSinkWritesSoon(t *testing.T) {
	g := &gate{open: make(chan struct{})}
	close(g.open)
	sink := logging.NewSink(g)
	defer sink.Close(time.Second)
	sink.WriteLater([]byte("later\n"))
	assert.Eventually(t, func() bool { return g.String() == "later\n" }, 10*time.Second, time.Millisecond)
	_, err := sink.Write([]byte("now\n"))
	assert.NoError(t, err)
	assert.Eventually(t, func() bool { return g.String() == "later\nnow\n" }, 10*time.Second, time.Millisecond)
}

func TestSinkSurvivesAnOutputThatIsStuck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := &gate{open: make(chan struct{})}
		sink := logging.NewSink(g)
		line := bytes.Repeat([]byte("x"), 64<<10)
		start := time.Now()
		for range 100 {
			sink.WriteLater(line)
		}
		assert.LessOrEqual(t, time.Since(start), 2*time.Second, "it waits once")
		assert.NotZero(t, sink.Dropped())
		assert.False(t, sink.Close(time.Second), "Close is bounded")
		close(g.open)
		assert.True(t, sink.Close(time.Second))
		before := sink.Dropped()
		sink.WriteLater(line)
		assert.Equal(t, before+1, sink.Dropped(), "closed")
	})
}

func TestSinkCountsWhatItsOutputRefuses(t *testing.T) {
	sink := logging.NewSink(broken{})
	sink.WriteLater([]byte("one\n"))
	sink.WriteLater([]byte("two\n"))
	require.True(t, sink.Close(time.Minute))
	assert.EqualValues(t, 2, sink.Dropped())
}

func TestSinkGoesOnWhenTheOutputDoes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := &gate{open: make(chan struct{})}
		sink := logging.NewSink(g)
		time.AfterFunc(500*time.Millisecond, func() { close(g.open) })
		for range 40 {
			sink.WriteLater(bytes.Repeat([]byte("x"), 64<<10))
		}
		assert.True(t, sink.Close(time.Second))
		assert.Zero(t, sink.Dropped(), "room came in time")
		assert.Len(t, g.String(), 40*64<<10)
	})
}

func TestRequestIsTheJSONThatSlogWrites(t *testing.T) {
	who := logging.NewIdentity(`po"d`, "a\\b")
	texts := []string{
		"plain", `quo"te`, `back\slash`, "line\nbreak", "tab\t", "\x00\x1f\x7f", "世界", "\xff\xfebad", "\u2028\u2029", "<b>&", "",
	}
	for _, text := range texts {
		line := who.Append(nil, &logging.Request{
			Level: slog.LevelWarn, Message: "request", Start: time.Now(), Method: text, Path: text, Status: 200,
			TraceID: text, RequestID: text, Version: text, UserAgent: text,
		})
		var got map[string]any
		require.NoError(t, json.Unmarshal(line, &got), "%s", line)
		assert.Equal(t, 1, bytes.Count(line, []byte("\n")))
		assert.Equal(t, `po"d`, got["hostname"])
		assert.Equal(t, `a\b`, got["app"])
		if text == "" {
			assert.NotContains(t, got, "user_agent")
			continue
		}
		var want string
		encoded, err := json.Marshal(text)
		require.NoError(t, err)
		require.NoError(t, json.Unmarshal(encoded, &want))
		for _, key := range []string{"method", "path", "trace_id", "request_id", "version", "user_agent"} {
			assert.Equal(t, want, got[key], key)
		}
	}
}

func TestTextsAreBounded(t *testing.T) {
	line := logging.NewIdentity("h", "a").Append(nil, &logging.Request{UserAgent: strings.Repeat("世", 1000)})
	var got map[string]any
	require.NoError(t, json.Unmarshal(line, &got))
	assert.Equal(t, strings.Repeat("世", 85), got["user_agent"])
}

func FuzzAppend(f *testing.F) {
	f.Add("GET", "/a\xffb\u2028", "agent")
	who := logging.NewIdentity("h", "a")
	f.Fuzz(func(t *testing.T, method, path, agent string) {
		line := who.Append(nil, &logging.Request{Method: method, Path: path, UserAgent: agent})
		assert.True(t, json.Valid(line), "%q", line)
		assert.Equal(t, 1, bytes.Count(line, []byte("\n")))
	})
}

// What a terminal or an editor obeys does not reach it, from requests or from errors.
func TestTrickyCharactersAreEscaped(t *testing.T) {
	const tricky = "a\u0080\u009b31m\u009fb\u202ec\u2066d\u2069e\u061cf\u200bg\u200fh\ufeffi\u2028j\u2029k\x1bl\x7fm"
	var out bytes.Buffer
	sink := logging.NewSink(&out)
	log := logging.New(sink, slog.LevelInfo, logging.NewIdentity("pod-1", "app"))
	log.Request(&logging.Request{Message: "request", Path: tricky})
	log.Info("hello", slog.String("path", tricky), slog.Group("g", slog.String("path", tricky)), slog.Any("path", errors.New(tricky)))
	require.True(t, sink.Close(10*time.Second))
	for _, r := range tricky {
		if r > unicode.MaxASCII || r < ' ' {
			assert.NotContains(t, out.String(), string(r))
		}
	}
	for line := range strings.Lines(out.String()) {
		var fields map[string]any
		require.NoError(t, json.Unmarshal([]byte(line), &fields))
		assert.Equal(t, tricky, fields["path"], "and is there all the same")
	}
}

func TestFieldsAreBounded(t *testing.T) {
	var out bytes.Buffer
	sink := logging.NewSink(&out)
	log := logging.New(sink, slog.LevelInfo, logging.NewIdentity("pod-1", "app"))
	long := strings.Repeat("x", 300<<10)
	log.Info("hello", slog.String("err", long), slog.Group("g", slog.String("a", long)))
	require.True(t, sink.Close(10*time.Second))
	assert.Zero(t, sink.Dropped())
	assert.Less(t, out.Len(), 10<<10)
	assert.Contains(t, out.String(), `"msg":"hello"`)
}

func TestNameChanges(t *testing.T) {
	var out bytes.Buffer
	sink := logging.NewSink(&out)
	who := logging.NewIdentity("pod-1", "one")
	log := logging.New(sink, slog.LevelInfo, who)
	log.Info("a")
	who.SetName("two")
	log.With("k", "v").Info("b")
	log.Request(&logging.Request{Message: "c"})
	sink.Close(time.Second)
	lines := strings.Split(out.String(), "\n")
	assert.Contains(t, lines[0], `"msg":"a","app":"one","hostname":"pod-1"}`)
	assert.Contains(t, lines[1], `"msg":"b","k":"v","app":"two","hostname":"pod-1"}`)
	assert.Contains(t, lines[2], `"msg":"c","app":"two","hostname":"pod-1"`)
}

type forwarder struct{ records, requests []string }

func (f *forwarder) Record(_ context.Context, r slog.Record) {
	f.records = append(f.records, r.Message)
}
func (f *forwarder) Request(r *logging.Request) { f.requests = append(f.requests, r.Message) }

func TestForward(t *testing.T) {
	sink := logging.NewSink(&bytes.Buffer{})
	log := logging.New(sink, slog.LevelInfo, logging.NewIdentity("h", "a"))
	log.Info("before")
	var f forwarder
	log.Forward(&f)
	log.Info("record")
	log.Debug("below the level")
	log.Request(&logging.Request{Message: "request"})
	log.Request(&logging.Request{Level: slog.LevelDebug, Message: "below the level"})
	sink.Close(time.Second)
	assert.Equal(t, forwarder{[]string{"record"}, []string{"request"}}, f)
}

func TestFileIsBounded(t *testing.T) {
	path := filepath.Join(t.TempDir(), "app.log")
	require.NoError(t, os.WriteFile(path, []byte("before\n"), 0o600))
	file, err := logging.OpenFile(path, 100)
	require.NoError(t, err)
	defer func() { _ = file.Close() }()
	for i := range 30 {
		_, err := fmt.Fprintf(file, "line %02d ........\n", i)
		require.NoError(t, err)
	}
	newer, err := os.ReadFile(path)
	require.NoError(t, err)
	older, err := os.ReadFile(filepath.Join(filepath.Dir(path), "app.1.log"))
	require.NoError(t, err)
	assert.LessOrEqual(t, len(newer), 100)
	assert.LessOrEqual(t, len(older), 100)
	assert.Contains(t, string(newer), "line 29")
	assert.True(t, strings.HasSuffix(string(older), "\n"), "whole lines")
	entries, err := os.ReadDir(filepath.Dir(path))
	require.NoError(t, err)
	assert.Len(t, entries, 2)
}

func TestFileAppends(t *testing.T) {
	path := filepath.Join(t.TempDir(), "app.log")
	for _, text := range []string{"one\n", "two\n"} {
		file, err := logging.OpenFile(path, logging.DefaultMaxFileBytes)
		require.NoError(t, err)
		_, err = file.Write([]byte(text))
		require.NoError(t, err)
		require.NoError(t, file.Close())
	}
	content, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, "one\ntwo\n", string(content))
	info, err := os.Stat(path)
	require.NoError(t, err)
	assert.Zero(t, info.Mode().Perm()&0o007, "nothing for others")
}

func TestFileThatCannotBe(t *testing.T) {
	_, err := logging.OpenFile(filepath.Join(t.TempDir(), "none", "app.log"), 1)
	assert.ErrorIs(t, err, os.ErrNotExist)
	_, err = logging.OpenFile(os.DevNull, 1)
	assert.ErrorContains(t, err, "not a regular file")
	fifo := filepath.Join(t.TempDir(), "app.log")
	require.NoError(t, syscall.Mkfifo(fifo, 0o600))
	_, err = logging.OpenFile(fifo, 1)
	assert.ErrorIs(t, err, syscall.ENXIO, "nobody reads it")
}

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, os.ErrClosed }

func TestSinksDoNotWaitForEachOther(t *testing.T) {
	stuck := &gate{open: make(chan struct{})}
	defer close(stuck.open)
	var out bytes.Buffer
	sinks := logging.Sinks{logging.NewSink(stuck), logging.NewSink(&out)}
	const lines = 20000
	start := time.Now()
	for i := range lines {
		sinks.WriteLater(fmt.Appendf(nil, "%d %s\n", i, strings.Repeat("x", 100)))
	}
	_, _ = sinks.Write([]byte("last\n"))
	assert.False(t, sinks.Close(100*time.Millisecond))
	assert.Less(t, time.Since(start), 10*time.Second)
	assert.Equal(t, lines+1, strings.Count(out.String(), "\n"))
	assert.Zero(t, sinks[1].Dropped())
	assert.NotZero(t, sinks[0].Dropped())
}

// full is an output that takes a number of bytes, and then no more until there is
// room.
type full struct {
	mu   sync.Mutex
	room int
	buf  bytes.Buffer
}

func (f *full) Write(p []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := min(len(p), f.room)
	f.room -= n
	f.buf.Write(p[:n])
	if n < len(p) {
		return n, syscall.ENOSPC
	}
	return n, nil
}

func TestSinkWritesWholeLines(t *testing.T) {
	const line = "0123456789\n"
	for _, room := range []int{1, 5, len(line), len(line) + 1, 2*len(line) + 5, 3 * len(line)} {
		t.Run(strconv.Itoa(room), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				out := &full{room: room}
				sink := logging.NewSink(out)
				sink.WriteLater([]byte(line + line + line))
				time.Sleep(time.Second)
				sink.WriteLater([]byte(line))
				time.Sleep(time.Second)
				out.mu.Lock()
				out.room = 1 << 20
				out.mu.Unlock()
				sink.WriteLater([]byte(line))
				require.True(t, sink.Close(time.Second))
				written := strings.Count(out.buf.String(), line)
				assert.Equal(t, strings.Repeat(line, written), out.buf.String())
				assert.EqualValues(t, 5-written, sink.Dropped(), "each line is written or dropped")
			})
		})
	}
}

func logFile(t *testing.T, maxBytes int64) (path string, file *logging.File) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "app.log")
	file, err := logging.OpenFile(path, maxBytes)
	require.NoError(t, err)
	t.Cleanup(func() { _ = file.Close() })
	return path, file
}

func TestFileComesBack(t *testing.T) {
	for name, lose := range map[string]func(path string) error{
		"removed": os.Remove,
		"renamed": func(path string) error { return os.Rename(path, path+".old") },
		"replaced": func(path string) error {
			if err := os.WriteFile(path+".new", nil, 0o600); err != nil {
				return err
			}
			return os.Rename(path+".new", path)
		},
	} {
		t.Run(name, func(t *testing.T) {
			path, file := logFile(t, 1<<20)
			_, err := file.Write([]byte("one\n"))
			require.NoError(t, err)
			require.NoError(t, lose(path))
			_, err = file.Write([]byte("two\n"))
			require.NoError(t, err)
			content, err := os.ReadFile(path)
			require.NoError(t, err)
			assert.Equal(t, "two\n", string(content))
		})
	}
}

func TestFileInAFolderThatIsGone(t *testing.T) {
	path, file := logFile(t, 1<<20)
	require.NoError(t, os.RemoveAll(filepath.Dir(path)))
	_, err := file.Write([]byte("one\n"))
	assert.ErrorIs(t, err, os.ErrNotExist, "it is not as if it were written")
	require.NoError(t, os.Mkdir(filepath.Dir(path), 0o700))
	_, err = file.Write([]byte("two\n"))
	require.NoError(t, err)
	content, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, "two\n", string(content))
}

func TestFileComesBackWhenThereAreDescriptorsAgain(t *testing.T) {
	path, file := logFile(t, 100)
	line := []byte(strings.Repeat("x", 59) + "\n")
	_, err := file.Write(line)
	require.NoError(t, err)

	var limit syscall.Rlimit
	require.NoError(t, syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit))
	none := limit
	none.Cur = 3
	require.NoError(t, syscall.Setrlimit(syscall.RLIMIT_NOFILE, &none))
	_, err = file.Write(line)
	require.NoError(t, syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit))
	require.NoError(t, err, "the one that is renamed goes on")
	_, err = os.Stat(path)
	require.ErrorIs(t, err, os.ErrNotExist)

	_, err = file.Write(line)
	require.NoError(t, err)
	for path, lines := range map[string]int{path: 1, filepath.Join(filepath.Dir(path), "app.1.log"): 2} {
		content, err := os.ReadFile(path)
		require.NoError(t, err)
		assert.Equal(t, bytes.Repeat(line, lines), content)
	}
}

// A disk that is full has room for a part of a line.
func TestFileHoldsWholeLines(t *testing.T) {
	const line = "0123456789\n"
	path, file := logFile(t, 1<<20)
	var limit syscall.Rlimit
	require.NoError(t, syscall.Getrlimit(syscall.RLIMIT_FSIZE, &limit))
	small := limit
	small.Cur = 2*uint64(len(line)) + 5
	signal.Ignore(syscall.SIGXFSZ)
	require.NoError(t, syscall.Setrlimit(syscall.RLIMIT_FSIZE, &small))
	n, err := file.Write([]byte(strings.Repeat(line, 4)))
	require.NoError(t, syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit))
	assert.ErrorIs(t, err, syscall.EFBIG)
	assert.Equal(t, 2*len(line), n)
	_, err = file.Write([]byte("more\n"))
	require.NoError(t, err)
	content, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, line+line+"more\n", string(content))
}

func TestFileBeginsWithAWholeLine(t *testing.T) {
	path := filepath.Join(t.TempDir(), "app.log")
	require.NoError(t, os.WriteFile(path, []byte("one\nhalf a li"), 0o600))
	file, err := logging.OpenFile(path, 1<<20)
	require.NoError(t, err)
	defer func() { _ = file.Close() }()
	_, err = file.Write([]byte("two\n"))
	require.NoError(t, err)
	content, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, "one\ntwo\n", string(content))
}

func BenchmarkRequest(b *testing.B) {
	sink := logging.NewSink(discard{})
	defer sink.Close(time.Second)
	log := logging.New(sink, slog.LevelInfo, logging.NewIdentity("pod-1", "app"))
	r := logging.Request{
		Message: "request", Start: time.Now(), Duration: time.Millisecond, Method: "GET", Path: "/ping", Status: 200, Bytes: 4,
		TraceID: "0af7651916cd43dd8448eb211c80319c", RequestID: "b7ad6b71-6920-3331-0000-000000000000", UserAgent: "wrk",
	}
	b.ReportAllocs()
	for b.Loop() {
		log.Request(&r)
	}
}

type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }
