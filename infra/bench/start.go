package main

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"os/exec"
	"slices"
	"strconv"
	"strings"
)

// start is what the command combat takes for all chapters, and what its imports take.
type start struct{ combat, empty usage }

func (w *workshop) measureStart(out io.Writer, runs int) (*start, error) {
	folder, err := w.outdir("chapters")
	if err != nil {
		return nil, err
	}
	var combat, empty []usage
	for range runs {
		for _, c := range []struct {
			name    string
			command *exec.Cmd
			all     *[]usage
		}{
			{"Combat", exec.Command(w.program("combat"), "synth", "--out", folder), &combat},
			{"Empty", exec.Command(w.program("empty")), &empty},
		} {
			u, err := runMeasured(c.command)
			if err != nil {
				return nil, err
			}
			*c.all = append(*c.all, u)
			_, _ = io.WriteString(out, benchmarkLine(c.name, u))
		}
	}
	return &start{median(combat), median(empty)}, nil
}

func (s *start) report(out io.Writer) {
	times := ratio(s.combat.cpu, s.empty.cpu)
	goal(out, times <= 2, "all chapters: %s of CPU time, %.1f times that of an empty main with the same imports, %s; wanted at most 2",
		milliseconds(s.combat.cpu), times, milliseconds(s.empty.cpu))
}

// traceInit shows which packages take the most time to be initialized.
func (w *workshop) traceInit(out io.Writer) error {
	command := exec.Command(w.program("empty"))
	command.Env = append(command.Environ(), "GODEBUG=inittrace=1")
	var trace strings.Builder
	command.Stderr = &trace
	if err := command.Run(); err != nil {
		return err
	}
	type initialized struct {
		name, allocated string
		milliseconds    float64
	}
	var packages []initialized
	for lines := bufio.NewScanner(strings.NewReader(trace.String())); lines.Scan(); {
		// init NAME @0.1 ms, 0.2 ms clock, 300 bytes, 4 allocs
		words := strings.Fields(lines.Text())
		if len(words) < 8 || words[0] != "init" {
			continue
		}
		if took, err := strconv.ParseFloat(words[4], 64); err == nil {
			packages = append(packages, initialized{words[1], words[7], took})
		}
	}
	slices.SortFunc(packages, func(a, b initialized) int { return cmp.Compare(b.milliseconds, a.milliseconds) })
	_, _ = fmt.Fprintf(out, "\nWhat the imports of combat do before main: the slowest of %d packages\n\n", len(packages))
	for _, p := range packages[:min(8, len(packages))] {
		_, _ = fmt.Fprintf(out, "%8.2f ms %9s bytes  %s\n", p.milliseconds, p.allocated, p.name)
	}
	return nil
}
