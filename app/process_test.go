package main

import (
	"bufio"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const patience = 20 * time.Second

// process is the running service: in this process, or one of its own.
type process struct {
	t *testing.T
	// signal sends a signal.
	signal func(os.Signal)
	// status is sent the exit status.
	status chan int
	// pid is that of a process of its own.
	pid int
	// httpAddress, grpcAddress and adminAddress are where it listens.
	httpAddress, grpcAddress, adminAddress string

	mu     sync.Mutex
	stdout strings.Builder
	ready  chan struct{}
	// readyOnce is for services that are ready more than once.
	readyOnce sync.Once
	// listening is closed with the last listener.
	listening chan struct{}
}

// inProcess starts the service by run, on free ports, and waits until it is ready.
func inProcess(t *testing.T, env map[string]string, args ...string) *process {
	t.Helper()
	p := starting(t, env, args...)
	p.awaitReady()
	return p
}

// starting does not wait.
func starting(t *testing.T, env map[string]string, args ...string) *process {
	t.Helper()
	p := newProcess(t)
	signals := make(chan os.Signal, 2)
	p.signal = func(s os.Signal) { signals <- s }
	lookup := func(name string) (string, bool) { v, ok := env[name]; return v, ok }
	output, stdout := io.Pipe()
	logged := make(chan struct{})
	go func() {
		p.read(output)
		close(logged)
	}()
	go func() {
		var stderr strings.Builder
		status := run(withFreePorts(args), lookup, stdout, &stderr, signals)
		assert.Empty(t, stderr.String())
		_ = stdout.Close()
		<-logged
		p.status <- status
	}()
	t.Cleanup(func() {
		select {
		case signals <- os.Interrupt:
		default:
		}
	})
	return p
}

// ofItsOwn starts the service as a process, on free ports.
func ofItsOwn(t *testing.T, env []string) *process {
	t.Helper()
	executable, err := os.Executable()
	require.NoError(t, err)
	p := newProcess(t)
	command := exec.Command(executable, withFreePorts(nil)...)
	command.Env = append(env, asMain+"=1")
	command.Stderr = os.Stderr
	output, err := command.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, command.Start())
	p.pid = command.Process.Pid
	p.signal = func(s os.Signal) { assert.NoError(t, command.Process.Signal(s)) }
	go func() {
		p.read(output)
		_ = command.Wait()
		p.status <- command.ProcessState.ExitCode()
	}()
	t.Cleanup(func() { _ = command.Process.Kill() })
	p.awaitReady()
	return p
}

func newProcess(t *testing.T) *process {
	return &process{t: t, status: make(chan int, 1), ready: make(chan struct{}), listening: make(chan struct{})}
}

func withFreePorts(args []string) []string {
	return append([]string{"--http-address=127.0.0.1:0", "--grpc-address=127.0.0.1:0", "--admin-address=127.0.0.1:0", "--grpc-targets=cluster,loopback:*"}, args...)
}

// read keeps the log, and takes from it what a test cannot know otherwise.
func (p *process) read(output io.Reader) {
	lines := bufio.NewScanner(output)
	for lines.Scan() {
		var line struct{ Msg, Listener, Address string }
		if !assert.NoError(p.t, json.Unmarshal(lines.Bytes(), &line), "every line is JSON: %s", lines.Text()) {
			continue
		}
		p.mu.Lock()
		p.stdout.WriteString(lines.Text() + "\n")
		p.mu.Unlock()
		switch {
		case line.Msg == "listening" && line.Listener == "http":
			p.httpAddress = line.Address
		case line.Msg == "listening" && line.Listener == "grpc":
			p.grpcAddress = line.Address
		case line.Msg == "listening" && line.Listener == "admin":
			p.adminAddress = line.Address
			close(p.listening)
		case line.Msg == "ready":
			p.readyOnce.Do(func() { close(p.ready) })
		}
	}
}

func (p *process) awaitReady() { p.t.Helper(); p.await(p.ready) }

func (p *process) awaitListening() { p.t.Helper(); p.await(p.listening) }

func (p *process) await(event chan struct{}) {
	p.t.Helper()
	select {
	case <-event:
	case status := <-p.status:
		p.t.Fatalf("exit status %d, log:\n%s", status, p.log())
	case <-time.After(patience):
		p.t.Fatalf("not there yet, log:\n%s", p.log())
	}
}

func (p *process) exitStatus() int {
	p.t.Helper()
	select {
	case status := <-p.status:
		return status
	case <-time.After(patience):
		p.t.Fatalf("still running, log:\n%s", p.log())
		return -1
	}
}

func (p *process) log() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.stdout.String()
}

func (p *process) awaitLog(text string) {
	p.t.Helper()
	require.Eventually(p.t, func() bool { return strings.Contains(p.log(), text) }, patience, time.Millisecond,
		"%q in the log", text)
}
