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

	"github.com/mattn/go-isatty"
	"github.com/spf13/cobra"

	"github.com/crossoverJie/k8s-combat/imports/tree"
	"github.com/crossoverJie/k8s-combat/infra/check"
)

// checkFlags are the options of the command.
type checkFlags struct {
	format, failOn, config, explain, against string
	list, page                               bool
	options                                  check.Options
}

func newCheckCommand() *cobra.Command {
	var flags checkFlags
	command := &cobra.Command{
		Use:   "check [PATH|-]...",
		Short: "Say what will go wrong with manifests",
		Long: `Look at manifests together, and say what will go wrong: whether traffic arrives, whether
the pods start, whether the next rollout is safe. A PATH is a file, a folder, or - for
standard input; without one, standard input is read. All are one set, but for files that
the configuration says stand alone.

The configuration is the file ` + check.ConfigFile + ` of the folder of the first PATH, or of the
closest folder around it.

The exit code is 0 where nothing is found that --fail-on names, 1 where something is, and
2 where the input is unusable.`,
		RunE: func(command *cobra.Command, paths []string) error {
			switch {
			case flags.list:
				return listRules(command.OutOrStdout())
			case flags.page:
				_, err := io.WriteString(command.OutOrStdout(), check.Page())
				return err
			case flags.explain != "":
				rule, ok := check.FindRule(strings.ToUpper(flags.explain))
				if !ok {
					return usageError{fmt.Errorf("--explain: no rule %q; see combat check --list", flags.explain)}
				}
				_, err := io.WriteString(command.OutOrStdout(), rule.Explain())
				return err
			}
			return runCheck(command, flags, paths)
		},
	}
	f := command.Flags()
	f.StringVarP(&flags.format, "output", "o", "text", "`FORMAT` of what is printed: text, json, sarif or github")
	f.StringVar(&flags.failOn, "fail-on", "", "lowest `SEVERITY` that fails: error, warning or note (default error)")
	f.StringVar(&flags.config, "config", "", "`FILE` of the configuration (default: the closest "+check.ConfigFile+")")
	f.StringVar(&flags.explain, "explain", "", "explain the rule with a `CODE`, and check nothing")
	f.StringVar(&flags.against, "against", "", "`PATH` of the set that was applied before: find changes that are refused, too")
	f.BoolVar(&flags.list, "list", false, "list all rules, and check nothing")
	f.BoolVar(&flags.page, "page", false, "write the page of all rules, and check nothing")
	f.BoolVar(&flags.options.Strict, "strict", false, "show notes, too: what may be right where something stands elsewhere")
	f.StringArrayVar(&flags.options.Assume, "assume", nil, "`KIND/NAMESPACE/NAME` of an object that exists elsewhere, with * for anything")
	f.StringVarP(&flags.options.Namespace, "namespace", "n", "", "`NAMESPACE` where objects go that name none")
	f.StringVar(&flags.options.ClusterDomain, "cluster-domain", "",
		"`DOMAIN` of the cluster's Services (default "+tree.DefaultClusterDomain+")")
	f.StringVar(&flags.options.KubernetesVersion, "kubernetes-version", "",
		"`VERSION` of the cluster (default "+check.DefaultKubernetesVersion+")")
	return command
}

func listRules(w io.Writer) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, rule := range check.Rules() {
		_, _ = fmt.Fprintf(table, "%s\t%s\t%s\n", rule.Code, rule.Severity, rule.Title)
	}
	return table.Flush()
}

var severities = []check.Severity{check.Note, check.Warning, check.Error}

// unusableError is an error of what the command is given to look at.
type unusableError struct{ error }

func (e unusableError) Unwrap() error { return e.error }

func runCheck(command *cobra.Command, flags checkFlags, paths []string) error {
	if !slices.Contains(check.Formats(), check.Format(flags.format)) {
		return usageError{fmt.Errorf("--output: no format %q; use text, json, sarif or github", flags.format)}
	}
	if err := flags.options.Validate(); err != nil {
		return usageError{err}
	}
	if len(paths) == 0 {
		paths = []string{check.Stdin}
	}
	config, err := findConfig(flags.config, paths[0])
	if err != nil {
		return unusableError{err}
	}
	failOn := cmp.Or(check.Severity(flags.failOn), config.FailOn, check.Error)
	if !slices.Contains(severities, failOn) {
		return usageError{fmt.Errorf("--fail-on: no severity %q; use error, warning or note", failOn)}
	}
	options := config.Options().With(flags.options)
	// A note that fails is shown.
	options.Strict = options.Strict || failOn == check.Note
	sets, err := readSets(command.InOrStdin(), config, paths)
	if err != nil {
		return unusableError{err}
	}
	findings := []check.Finding{}
	for _, set := range sets {
		findings = append(findings, check.Objects(set, options)...)
	}
	if flags.against != "" {
		before, err := check.Read(command.InOrStdin(), flags.against)
		if err != nil {
			return unusableError{err}
		}
		findings = append(findings, check.Against(before, slices.Concat(sets...), options)...)
	}
	out := command.OutOrStdout()
	format := check.Format(flags.format)
	if file, ok := out.(*os.File); ok && format == check.Text && isatty.IsTerminal(file.Fd()) && os.Getenv("NO_COLOR") == "" {
		format = check.ColourText
	}
	if err := check.Write(out, format, findings); err != nil {
		return err
	}
	if slices.ContainsFunc(findings, func(f check.Finding) bool {
		return slices.Index(severities, f.Severity) >= slices.Index(severities, failOn)
	}) {
		return toldError{errors.New("something is wrong")}
	}
	return nil
}

func findConfig(named, path string) (check.Config, error) {
	if named != "" {
		return check.ReadConfig(named)
	}
	folder := "."
	if path != check.Stdin {
		folder = path
		if info, err := os.Stat(path); err == nil && !info.IsDir() {
			folder = filepath.Dir(path)
		}
	}
	return check.FindConfig(folder)
}

// readSets reads the set of all paths, and those of files that stand alone. It is an error if there is nothing: whatever
// was to make it has not.
func readSets(stdin io.Reader, config check.Config, paths []string) ([][]check.Object, error) {
	objects, err := check.Read(stdin, paths...)
	if err != nil {
		return nil, err
	}
	if len(objects) == 0 {
		return nil, fmt.Errorf("%w: %s: no object is there; give manifests, in files that end in .yaml, .yml or .json where it is a folder",
			check.ErrInput, strings.Join(paths, ", "))
	}
	var together []check.Object
	var sets [][]check.Object
	alone := map[string]int{}
	for _, object := range objects {
		file := object.Place.File
		if file == check.Stdin || len(config.Each) == 0 || !config.IsAlone(file) {
			together = append(together, object)
			continue
		}
		i, ok := alone[file]
		if !ok {
			i = len(sets)
			alone[file] = i
			sets = append(sets, nil)
		}
		sets[i] = append(sets[i], object)
	}
	if len(together) > 0 {
		sets = append(sets, together)
	}
	return sets, nil
}
