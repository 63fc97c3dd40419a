//go:build linux

package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
)

const (
	// mostStart is how long a server may take until it is ready, and mostStop until it is gone.
	mostStart = 20 * time.Second
	mostStop  = 30 * time.Second
	// pollInterval is how often a server is asked whether it is ready.
	pollInterval = 200 * time.Microsecond
	// tick is the unit of /proc/PID/stat: Linux has 100 a second for all programs.
	tick = 10 * time.Millisecond
)

// process is a server that runs.
type process struct {
	contestant
	command *exec.Cmd
	// start is the time until it was ready.
	start time.Duration
	// logged is the number of lines about requests of the load.
	logged atomic.Int64
	// read is closed once its output has ended.
	read chan struct{}
}

// launch starts a server, with nothing in its environment, and waits until it is ready.
func launch(c contestant) (*process, error) {
	p := &process{contestant: c, command: exec.Command(c.program, c.arguments...), read: make(chan struct{})}
	p.command.Env = []string{}
	output, err := p.command.StdoutPipe()
	if err != nil {
		return nil, err
	}
	p.command.Stderr = p.command.Stdout
	begin := time.Now()
	if err := p.command.Start(); err != nil {
		return nil, err
	}
	go p.readLog(output)
	for !p.isReady() {
		if time.Since(begin) > mostStart {
			return nil, errors.Join(fmt.Errorf("%s is not ready after %v", c.name, mostStart), p.kill())
		}
		time.Sleep(pollInterval)
	}
	p.start = time.Since(begin)
	return p, nil
}

func (p *process) readLog(output io.Reader) {
	defer close(p.read)
	lines := bufio.NewReaderSize(output, 64<<10)
	message := []byte(p.message)
	for {
		line, err := lines.ReadSlice('\n')
		if len(message) > 0 && bytes.Contains(line, message) {
			p.logged.Add(1)
		}
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			return
		}
	}
}

func (p *process) isReady() bool {
	conn, err := net.Dial("tcp", p.address)
	if err != nil {
		return false
	}
	_ = conn.Close()
	if p.ready == "" {
		return true
	}
	response, err := unpooled.Get(p.ready)
	if err != nil {
		return false
	}
	_ = response.Body.Close()
	return response.StatusCode == http.StatusOK
}

// unpooled leaves no connection to a server open.
var unpooled = http.Client{Transport: &http.Transport{DisableKeepAlives: true}}

// cpu is the processor time that the server has used.
func (p *process) cpu() (time.Duration, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.command.Process.Pid))
	if err != nil {
		return 0, err
	}
	return parseStat(string(stat))
}

// parseStat returns user and system time, the 14th and 15th field. The second, a name, may have spaces.
func parseStat(stat string) (time.Duration, error) {
	fields := strings.Fields(stat[strings.LastIndexByte(stat, ')')+1:])
	if len(fields) < 13 {
		return 0, fmt.Errorf("/proc/PID/stat has %d fields after the name", len(fields))
	}
	user, err := strconv.Atoi(fields[11])
	system, err2 := strconv.Atoi(fields[12])
	return time.Duration(user+system) * tick, errors.Join(err, err2)
}

// peak is the most memory that the server had resident, in bytes, the pages of its file included.
func (p *process) peak() (int64, error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.command.Process.Pid))
	if err != nil {
		return 0, err
	}
	return parsePeak(string(status))
}

func parsePeak(status string) (int64, error) {
	_, rest, _ := strings.Cut(status, "VmHWM:")
	line, _, _ := strings.Cut(rest, "\n")
	kib, err := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(line, "kB")), 10, 64)
	return kib << 10, err
}

// counted is the number of the load's requests that the server counted.
func (p *process) counted() (int, error) {
	response, err := unpooled.Get(p.metrics)
	if err != nil {
		return 0, err
	}
	defer response.Body.Close()
	page, err := io.ReadAll(response.Body)
	if err != nil {
		return 0, err
	}
	return parseSeries(string(page), p.series)
}

// parseSeries returns the value of a counter on a page of Prometheus' text format.
func parseSeries(page, series string) (int, error) {
	for line := range strings.Lines(page) {
		if value, ok := strings.CutPrefix(line, series+" "); ok {
			count, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
			return int(count), err
		}
	}
	return 0, fmt.Errorf("no series %s", series)
}

// kill ends the server at once.
func (p *process) kill() error {
	err := p.command.Process.Kill()
	<-p.read
	// That it was killed is no error.
	_ = p.command.Wait()
	return err
}

// stop has the server end by itself, so that its log is complete.
func (p *process) stop() error {
	if err := p.command.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	late := time.AfterFunc(mostStop, func() { _ = p.command.Process.Kill() })
	defer late.Stop()
	<-p.read
	// Bare servers end by the signal.
	_ = p.command.Wait()
	return nil
}
