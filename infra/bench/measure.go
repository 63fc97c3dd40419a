package main

import (
	"bytes"
	"cmp"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"time"
)

// usage is what a process took, and those that it waited for.
type usage struct {
	wall, cpu time.Duration
	// peak is the most memory that one of the processes had, in bytes.
	peak int64
}

// runMeasured runs a command to its end. Standard output is thrown away, unless it is set.
func runMeasured(command *exec.Cmd) (usage, error) {
	var problems bytes.Buffer
	command.Stderr = &problems
	start := time.Now()
	err := command.Run()
	wall := time.Since(start)
	if file, ok := command.Stdout.(*os.File); ok && err == nil {
		err = file.Close()
	}
	if err != nil {
		return usage{}, fmt.Errorf("%s: %w\n%s", strings.Join(command.Args, " "), err, problems.String())
	}
	u := usage{wall: wall, cpu: command.ProcessState.UserTime() + command.ProcessState.SystemTime()}
	if system, ok := command.ProcessState.SysUsage().(*syscall.Rusage); ok {
		u.peak = system.Maxrss << 10 // Linux counts in KiB
	}
	return u, nil
}

// median takes each number from the run that has the median of it.
func median(runs []usage) usage {
	return usage{
		wall: middle(runs, func(u usage) time.Duration { return u.wall }),
		cpu:  middle(runs, func(u usage) time.Duration { return u.cpu }),
		peak: middle(runs, func(u usage) int64 { return u.peak }),
	}
}

func middle[T cmp.Ordered](runs []usage, number func(usage) T) T {
	var numbers []T
	for _, run := range runs {
		numbers = append(numbers, number(run))
	}
	slices.Sort(numbers)
	return numbers[len(numbers)/2]
}

// benchmarkLine is a run as benchstat reads it. Names have no spaces there.
func benchmarkLine(name string, u usage) string {
	return fmt.Sprintf("Benchmark%s 1 %d ns/op %d cpu-ns/op %d peak-B/op\n",
		strings.ReplaceAll(name, " ", "_"), u.wall.Nanoseconds(), u.cpu.Nanoseconds(), u.peak)
}
