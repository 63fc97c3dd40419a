package main

import (
	"flag"
	"fmt"
	"io"
	"os"
)

func main() {
	var b bench
	flag.StringVar(&b.tools, "tools", ".bench", "`FOLDER` of what make bench-tools installs")
	flag.IntVar(&b.runs, "runs", 5, "`NUMBER` of runs of each renderer")
	flag.Parse()
	if err := b.run(os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

type bench struct {
	tools string
	runs  int
}

func (b bench) run(out io.Writer) error {
	folder, err := os.MkdirTemp("", "bench-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(folder) }()
	w, err := newWorkshop(folder, b.tools)
	if err != nil {
		return err
	}

	var renderers []renderer
	for _, r := range w.renderers() {
		if r.missing != "" {
			_, _ = fmt.Fprintf(out, "SKIPPED %s: %s\n", r.name, r.missing)
			continue
		}
		renderers = append(renderers, r)
	}
	if err := w.checkSame(renderers); err != nil {
		return err
	}
	results, err := w.measureRenderers(out, renderers, b.runs)
	if err != nil {
		return err
	}
	start, err := w.measureStart(out, 3*b.runs)
	if err != nil {
		return err
	}
	if err := w.profile(out); err != nil {
		return err
	}
	if err := w.traceInit(out); err != nil {
		return err
	}
	results.report(out)
	start.report(out)
	return nil
}
