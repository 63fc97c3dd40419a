// Command combat writes the manifests of the tutorial's chapters, checks manifests, and tells where requests go.
package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"

	"github.com/crossoverJie/k8s-combat/imports/tree"
	"github.com/crossoverJie/k8s-combat/infra/chapters"
)

func main() {
	// The command makes a few MiB and ends. Collecting garbage on the way takes more time than it
	// is worth.
	debug.SetGCPercent(400)
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr, chapters.All()))
}

// Exit codes.
const (
	exitOK     = 0
	exitFailed = 1
	exitUsage  = 2
)

// usageError is an error of the command line itself.
type usageError struct{ error }

// run is main without the process: it returns the exit code.
func run(args []string, stdout, stderr io.Writer, book []chapters.Chapter) int {
	defer tree.Close()
	command := newCommand(book)
	command.SetArgs(args)
	command.SetOut(stdout)
	command.SetErr(stderr)
	err := command.Execute()
	if err == nil {
		return exitOK
	}
	if told := (toldError{}); errors.As(err, &told) {
		return exitFailed
	}
	_, _ = fmt.Fprintf(stderr, "combat: %v\n", err)
	if unusable := (unusableError{}); errors.As(err, &unusable) {
		return exitUsage
	}
	if usage := (usageError{}); errors.As(err, &usage) {
		_, _ = fmt.Fprintln(stderr, "combat: see 'combat --help'")
		return exitUsage
	}
	return exitFailed
}

func newCommand(book []chapters.Chapter) *cobra.Command {
	root := &cobra.Command{
		Use:           "combat",
		Short:         "Writes the manifests of the tutorial's chapters, checks manifests, and tells where requests go",
		SilenceErrors: true,
		SilenceUsage:  true,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usageError{fmt.Errorf("unknown command %q; use synth, check, explain, map or version", args[0])}
			}
			return nil
		},
		RunE: func(command *cobra.Command, _ []string) error { return command.Help() },
	}
	root.Version = version()
	root.SetVersionTemplate("{{.Version}}\n")
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })
	root.CompletionOptions.HiddenDefaultCmd = true
	root.AddCommand(newSynthCommand(book), newCheckCommand(), newExplainCommand(), newMapCommand(), newVersionCommand())
	root.SetHelpCommand(&cobra.Command{
		Use:   "help [COMMAND]",
		Short: "Tell about a command",
		RunE: func(_ *cobra.Command, args []string) error {
			command, rest, err := root.Find(args)
			if err != nil || len(rest) > 0 {
				return usageError{fmt.Errorf("no command %q to tell about; see 'combat help'", strings.Join(args, " "))}
			}
			return command.Help()
		},
	})
	return root
}

func newVersionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print which version of the module this is, and of which commit",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usageError{fmt.Errorf("version takes no %q; leave it out", args[0])}
			}
			return nil
		},
		RunE: func(command *cobra.Command, _ []string) error {
			_, err := fmt.Fprintln(command.OutOrStdout(), version())
			return err
		},
	}
}

// version is what the linker knows of the program: "(devel)" for one that was built in a checkout.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "combat, of an unknown version"
	}
	parts := []string{"combat " + cmp.Or(info.Main.Version, "(devel)")}
	for _, setting := range info.Settings {
		if setting.Key == "vcs.revision" {
			parts = append(parts, "commit "+setting.Value)
		}
		if setting.Key == "vcs.modified" && setting.Value == "true" {
			parts = append(parts, "changed since")
		}
	}
	return strings.Join(append(parts, info.GoVersion), ", ")
}
