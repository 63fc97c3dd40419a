package main

import (
	"fmt"
	"io"
	"text/tabwriter"
	"time"
)

// sizes are the numbers of services.
var sizes = []int{10, 100, 1_000, 10_000}

// results are the medians of each renderer by number of services.
type results struct {
	renderers []renderer
	runs      int
	medians   map[string]map[int]usage
}

// measureRenderers lets the renderers, and their sizes, take turns.
func (w *workshop) measureRenderers(out io.Writer, renderers []renderer, runs int) (*results, error) {
	r := &results{renderers: renderers, runs: runs, medians: map[string]map[int]usage{}}
	all := map[string]map[int][]usage{}
	for range runs {
		for _, size := range sizes {
			for _, renderer := range renderers {
				if size > renderer.most {
					continue
				}
				u, err := w.measure(renderer, size)
				if err != nil {
					return nil, err
				}
				if all[renderer.name] == nil {
					all[renderer.name] = map[int][]usage{}
				}
				all[renderer.name][size] = append(all[renderer.name][size], u)
				_, _ = io.WriteString(out, benchmarkLine(fmt.Sprintf("Synth/renderer=%s/services=%d", renderer.name, size), u))
			}
		}
	}
	for name, bySize := range all {
		r.medians[name] = map[int]usage{}
		for size, measured := range bySize {
			r.medians[name][size] = median(measured)
		}
	}
	return r, nil
}

func (w *workshop) measure(r renderer, services int) (usage, error) {
	folder, err := w.outdir(r.name)
	if err != nil {
		return usage{}, err
	}
	command, err := r.command(services, folder)
	if err != nil {
		return usage{}, err
	}
	return runMeasured(command)
}

func (r *results) report(out io.Writer) {
	_, _ = fmt.Fprintf(out, "\nWhole processes, services of 3 objects: medians of %d runs, in turns; ratios to %s\n\n", r.runs, nativeName)
	table := tabwriter.NewWriter(out, 0, 0, 3, ' ', tabwriter.AlignRight)
	_, _ = fmt.Fprintln(table, "services\trenderer\twall\tratio\tCPU\tratio\tpeak memory\t")
	for _, size := range sizes {
		native := r.medians[nativeName][size]
		for _, renderer := range r.renderers {
			u, ok := r.medians[renderer.name][size]
			if !ok {
				continue
			}
			_, _ = fmt.Fprintf(table, "%d\t%s\t%s\t%.1f\t%s\t%.1f\t%d MiB\t\n", size, renderer.name,
				milliseconds(u.wall), ratio(u.wall, native.wall), milliseconds(u.cpu), ratio(u.cpu, native.cpu), u.peak>>20)
		}
	}
	_ = table.Flush()

	_, _ = fmt.Fprintln(out)
	thousand, most := r.medians[nativeName][1_000], r.medians[nativeName][10_000]
	for _, renderer := range r.renderers {
		if renderer.goal > 0 {
			// By wall time: that it uses more than one processor is part of it.
			faster := ratio(r.medians[renderer.name][1_000].wall, thousand.wall)
			goal(out, faster >= renderer.goal, "1,000 services: %.1f times as fast as %s; wanted at least %g", faster, renderer.name, renderer.goal)
		}
	}
	growth := ratio(most.wall, thousand.wall)
	goal(out, growth <= 11, "10,000 services: %.1f times the time of 1,000; wanted at most 11", growth)
	goal(out, most.peak < 400<<20, "10,000 services: peak memory %d MiB; wanted less than 400", most.peak>>20)
}

// goal prints a line that reports whether something is as wanted.
func goal(out io.Writer, reached bool, format string, args ...any) {
	mark := "reached"
	if !reached {
		mark = "MISSED "
	}
	_, _ = fmt.Fprintf(out, mark+"  "+format+"\n", args...)
}

func ratio(a, b time.Duration) float64 { return float64(a) / float64(b) }

func milliseconds(d time.Duration) string {
	return fmt.Sprintf("%.1f ms", float64(d)/float64(time.Millisecond))
}
