package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/cdk8s-team/cdk8s-core-go/cdk8s/v2"
	"github.com/spf13/cobra"

	"github.com/crossoverJie/k8s-combat/imports/tree"
	"github.com/crossoverJie/k8s-combat/imports/tree/native"
	"github.com/crossoverJie/k8s-combat/infra/chapters"
	"github.com/crossoverJie/k8s-combat/infra/check"
)

const (
	outdirVariable = "CDK8S_OUTDIR"
	defaultOutdir  = "dist"
)

func newSynthCommand(book []chapters.Chapter) *cobra.Command {
	var outdir, treeName, format string
	var listOnly, checked bool
	command := &cobra.Command{
		Use:   "synth [--out FOLDER] [CHAPTER...]",
		Short: "Write the manifests of all chapters, or of those named",
		Long: `Write the manifests of all chapters, or of those named, one file each, and print the files' names.

Everything is made and checked before anything is written. When something is wrong, all
that is wrong is printed, the exit code is 1, and the folder is as it was before.`,
		RunE: func(command *cobra.Command, names []string) error {
			chosen, err := choose(book, names)
			if err != nil {
				return usageError{err}
			}
			if listOnly {
				table := tabwriter.NewWriter(command.OutOrStdout(), 0, 0, 2, ' ', 0)
				for _, chapter := range chosen {
					_, _ = fmt.Fprintf(table, "%s\t%s\n", chapter.Name, chapter.Title)
				}
				return table.Flush()
			}
			synth, ok := trees[treeName]
			if !ok {
				return usageError{fmt.Errorf("--tree: no tree %q; use native or cdk8s", treeName)}
			}
			report, ok := reports[format]
			if !ok {
				return usageError{fmt.Errorf("--output: no format %q; use text or json", format)}
			}
			if command.Flags().Changed("out") && outdir == "" {
				return usageError{errors.New("--out: is empty; name a folder, or - for standard output")}
			}
			option := "--out"
			if variable := os.Getenv(outdirVariable); outdir == "" && variable != "" {
				outdir, option = variable, outdirVariable
			}
			outdir = cmp.Or(outdir, defaultOutdir)
			if outdir == standardOutput && format != "text" {
				return usageError{fmt.Errorf("--output %s: would stand among the manifests on standard output; leave it out, or name a folder", format)}
			}
			files, warnings, err := synth(chosen, checked)
			if outdir == standardOutput {
				return report(command, outcome{nil, warnings, printAll(command.OutOrStdout(), files, err)})
			}
			if err == nil {
				err = replace(outdir, files)
				if err != nil {
					err = fmt.Errorf("%s: %q cannot be written to: %w; name a folder that is there or can be made, or - for standard output", option, outdir, err)
				}
			}
			if err == nil && len(names) == 0 {
				warnings = append(warnings, strangers(outdir, files)...)
			}
			var paths []string
			for _, f := range files {
				paths = append(paths, filepath.Join(outdir, f.name))
			}
			return report(command, outcome{paths, warnings, err})
		},
	}
	command.Flags().StringVar(&outdir, "out", "",
		"`FOLDER` to write to, or - for standard output (default: "+outdirVariable+", else "+defaultOutdir+")")
	command.Flags().StringVar(&treeName, "tree", "native",
		"`TREE` to make them with: native, or cdk8s, the official one, which needs Node.js; the files are the same")
	command.Flags().StringVarP(&format, "output", "o", "text",
		"`FORMAT` of what is printed: text, or json, with the parts of each problem")
	command.Flags().BoolVar(&checked, "check", true,
		"check the objects of each chapter together, as combat check does, and write nothing where one is an error")
	command.Flags().BoolVar(&listOnly, "list", false, "list the chapters and write nothing")
	return command
}

// standardOutput, in place of a folder, prints the manifests.
const standardOutput = "-"

// printAll prints the manifests, separated as YAML separates documents.
func printAll(w io.Writer, files []file, failure error) error {
	if failure != nil {
		return failure
	}
	for i, f := range files {
		if i > 0 {
			f.content = append([]byte("---\n"), f.content...)
		}
		if _, err := w.Write(f.content); err != nil {
			return err
		}
	}
	return nil
}

// strangers tells of manifests in the folder that no chapter makes: those of a chapter that is gone would be applied with
// the rest.
func strangers(folder string, files []file) []tree.Problem {
	names, err := filepath.Glob(filepath.Join(folder, "*"+manifestExtension))
	if err != nil {
		return nil
	}
	var warnings []tree.Problem
	for _, name := range names {
		if !slices.ContainsFunc(files, func(f file) bool { return f.name == filepath.Base(name) }) {
			warnings = append(warnings, tree.Problem{Construct: name, Detail: "is of no chapter", Fix: "delete it, unless it is yours"})
		}
	}
	return warnings
}

// manifestExtension is what the names of manifests end with, as cdk8s has it.
const manifestExtension = ".k8s.yaml"

// choose returns the chapters of these names, all of them where there are none, in the order of the
// book.
func choose(book []chapters.Chapter, names []string) ([]chapters.Chapter, error) {
	if len(names) == 0 {
		return book, nil
	}
	known := make([]string, len(book))
	for i, chapter := range book {
		known[i] = chapter.Name
	}
	for _, name := range names {
		if !slices.Contains(known, name) {
			return nil, fmt.Errorf("no chapter %q; use one of %s", name, strings.Join(known, ", "))
		}
	}
	return slices.DeleteFunc(slices.Clone(book),
		func(c chapters.Chapter) bool { return !slices.Contains(names, c.Name) }), nil
}

// file is a manifest that is made but not yet written.
type file struct {
	name    string
	content []byte
}

// trees are the construct trees by name: functions that make the manifests of chapters.
var trees = map[string]func(chosen []chapters.Chapter, checked bool) ([]file, []tree.Problem, error){
	"native": synthNative,
	"cdk8s":  synthOfficial,
}

func newCharts(app cdk8s.App, chosen []chapters.Chapter) []cdk8s.Chart {
	charts := make([]cdk8s.Chart, len(chosen))
	for i, chapter := range chosen {
		charts[i] = chapter.New(app)
	}
	return charts
}

// checkCharts checks each chapter as a set of its own, since each is applied by itself. Errors are one error, all
// together.
func checkCharts(chosen []chapters.Chapter, charts []cdk8s.Chart) (warnings []tree.Problem, err error) {
	var problems tree.Problems
	for i := range charts {
		// The constructs write what their types have: the schemas would say nothing, and take longer than all else.
		options := check.Options{Assume: chosen[i].Elsewhere, WithoutSchemas: true}
		for _, finding := range check.Charts(charts[i:i+1], options) {
			if finding.Severity == check.Error {
				problems = append(problems, finding.Problem())
			} else {
				warnings = append(warnings, finding.Problem())
			}
		}
	}
	if len(problems) > 0 {
		return warnings, problems
	}
	return warnings, nil
}

func synthNative(chosen []chapters.Chapter, checked bool) (files []file, warnings []tree.Problem, err error) {
	app := native.NewApp(nil)
	charts := newCharts(app, chosen)
	made, err := native.Files(app)
	if err != nil {
		return nil, tree.Warnings(app), err
	}
	for _, f := range made {
		files = append(files, file{f.Path, f.Content})
	}
	warnings = tree.Warnings(app)
	if checked {
		found, err := checkCharts(chosen, charts)
		return files, append(warnings, found...), err
	}
	return files, warnings, nil
}

func synthOfficial(chosen []chapters.Chapter, checked bool) (files []file, warnings []tree.Problem, err error) {
	// This tree writes while it goes, so it is given a folder of its own.
	workdir, err := os.MkdirTemp("", "combat-")
	if err != nil {
		return nil, nil, err
	}
	defer func() { _ = os.RemoveAll(workdir) }()

	app, err := tree.NewOfficialApp(workdir)
	if err != nil {
		return nil, nil, err
	}
	charts := newCharts(app, chosen)
	if err := tree.Synth(app); err != nil {
		return nil, nil, err
	}
	warnings = tree.Warnings(app)
	if checked {
		found, err := checkCharts(chosen, charts)
		if warnings = append(warnings, found...); err != nil {
			return nil, warnings, err
		}
	}

	entries, err := os.ReadDir(workdir)
	if err != nil {
		return nil, nil, err
	}
	for _, entry := range entries {
		content, err := os.ReadFile(filepath.Join(workdir, entry.Name()))
		if err != nil {
			return nil, nil, err
		}
		files = append(files, file{entry.Name(), content})
	}
	return files, warnings, nil
}

// replace writes the files into the folder. All of them are written beside their places first, so
// that a full disk or a missing permission leaves the folder as it was; then each is renamed.
func replace(folder string, files []file) (err error) {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	written := make([]string, 0, len(files))
	defer func() {
		for _, name := range written {
			// After a rename there is nothing left to remove.
			_ = os.Remove(name)
		}
	}()
	for _, f := range files {
		name, err := writeTemporary(folder, f)
		if name != "" {
			written = append(written, name)
		}
		if err != nil {
			return err
		}
	}
	return renameAll(folder, files, written)
}

// renameAll puts the temporary files in their places. Where one cannot be, those before it are put
// back.
func renameAll(folder string, files []file, written []string) error {
	var undo []func() error
	for i, f := range files {
		target := filepath.Join(folder, f.name)
		restore := func() error { return os.Remove(target) }
		// A second name keeps the old content at hand. There is none for a file that is not there yet.
		backup := written[i] + ".old"
		if err := os.Link(target, backup); err == nil {
			restore = func() error { return os.Rename(backup, target) }
			defer func() { _ = os.Remove(backup) }()
		}
		if err := os.Rename(written[i], target); err != nil {
			for _, restore := range slices.Backward(undo) {
				err = errors.Join(err, restore())
			}
			return err
		}
		undo = append(undo, restore)
	}
	return nil
}

// writeTemporary writes the file's content beside its place. It returns the name of what it made,
// with an error too.
func writeTemporary(folder string, f file) (name string, err error) {
	temporary, err := os.CreateTemp(folder, "."+f.name+".*")
	if err != nil {
		return "", err
	}
	defer func() {
		if closed := temporary.Close(); err == nil {
			err = closed
		}
	}()
	if _, err := temporary.Write(f.content); err != nil {
		return temporary.Name(), err
	}
	return temporary.Name(), temporary.Chmod(0o644)
}
