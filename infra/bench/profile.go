package main

import (
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"strconv"
)

// profile shows the functions in which the native tree spends its time, and those that allocate.
func (w *workshop) profile(out io.Writer) error {
	folder, err := w.outdir("profile")
	if err != nil {
		return err
	}
	// A profile has a sample every 10 ms, so that it takes many short processes to see anything.
	for _, c := range []struct{ services, runs int }{{1_000, 20}, {10_000, 3}} {
		for _, kind := range []struct{ name, flag, index string }{
			{"CPU time", "-cpuprofile", "cpu"},
			{"allocations", "-memprofile", "alloc_space"},
		} {
			arguments := []string{"tool", "pprof", "-top", "-nodecount=15", "-sample_index=" + kind.index, w.program("services")}
			for run := range c.runs {
				file := filepath.Join(w.folder, fmt.Sprintf("%d%s-%d", c.services, kind.flag, run))
				command := exec.Command(w.program("services"), "-services", strconv.Itoa(c.services), "-out", folder, kind.flag, file)
				if _, err := runMeasured(command); err != nil {
					return err
				}
				arguments = append(arguments, file)
			}
			top, err := output(exec.Command("go", arguments...))
			if err != nil {
				return err
			}
			_, _ = fmt.Fprintf(out, "\nProfile of native, %d services, %s of %d runs\n\n%s", c.services, kind.name, c.runs, top)
		}
	}
	return nil
}
