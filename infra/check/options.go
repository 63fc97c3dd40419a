package check

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/crossoverJie/k8s-combat/imports/tree"
)

// DefaultKubernetesVersion is the version of Kubernetes whose APIs are known here.
const DefaultKubernetesVersion = "1.37"

// Options of a check.
type Options struct {
	// Strict shows notes, too: what may be right where something stands outside the set. Defaults to false.
	Strict bool
	// Assume names what exists outside the set, each as KIND/NAMESPACE/NAME, KIND/NAME for a kind without namespaces,
	// with '*' for anything. Defaults to nothing.
	Assume []string
	// KubernetesVersion is that of the cluster, for example "1.37": it decides which API versions are gone. Defaults to
	// DefaultKubernetesVersion.
	KubernetesVersion string
	// Namespace is where objects go that name none. Defaults to what the package says.
	Namespace string
	// ClusterDomain is the domain of the cluster's Services. Defaults to that of the charts, as tree.SetClusterDomain has
	// said it, else to tree.DefaultClusterDomain.
	ClusterDomain string
	// Ignore are the codes of rules that are not asked. Defaults to none.
	Ignore []string
	// WithoutSchemas leaves out the schemas and CEL rules of CustomResourceDefinitions, and with them what it takes to
	// compile those: tens of milliseconds a kind, once in a program. Defaults to false.
	WithoutSchemas bool
}

// Config is the content of a configuration file: options, and how the files of its folder are checked.
type Config struct {
	Strict            bool     `json:"strict,omitempty"`
	Assume            []string `json:"assume,omitempty"`
	KubernetesVersion string   `json:"kubernetesVersion,omitempty"`
	Namespace         string   `json:"namespace,omitempty"`
	ClusterDomain     string   `json:"clusterDomain,omitempty"`
	Ignore            []string `json:"ignore,omitempty"`
	// FailOn is the lowest severity with which the check fails: error or warning. Defaults to error.
	FailOn Severity `json:"failOn,omitempty"`
	// Each are patterns, as path.Match has them, of files below the folder of the configuration that are a set of their own
	// each, such as variants of which one is applied. Defaults to none: all files are one set.
	Each []string `json:"each,omitempty"`

	folder string
}

// ConfigFile is the name of the configuration file of a folder.
const ConfigFile = ".combat-check.yaml"

// FindConfig reads the configuration file of a folder, or that of the closest folder around it. Where none has one it
// returns the zero Config.
func FindConfig(folder string) (Config, error) {
	folder, err := filepath.Abs(folder)
	if err != nil {
		return Config{}, err
	}
	for {
		config, err := ReadConfig(filepath.Join(folder, ConfigFile))
		if !errors.Is(err, fs.ErrNotExist) {
			return config, err
		}
		around := filepath.Dir(folder)
		if around == folder {
			return Config{}, nil
		}
		folder = around
	}
}

// ReadConfig reads a configuration file. Its errors are those of Read, and of values that are no options.
func ReadConfig(path string) (Config, error) {
	var config Config
	content, err := readFile(path)
	if err != nil {
		return config, err
	}
	documents, err := parse(path, content)
	if err != nil {
		return config, err
	}
	if len(documents) > 1 {
		return config, unusable(path, documents[1].Place.Line, "is a second document, and a configuration is one")
	}
	for _, document := range documents {
		d := decoder{unknown: true}
		d.read(document.Content, reflect.ValueOf(&config).Elem(), nil)
		if len(d.misfits) == 0 {
			continue
		}
		wrong := slices.MinFunc(d.misfits, func(a, b misfit) int { return cmp.Compare(a.field, b.field) })
		line := (&lineFinder{}).place(document.Place, wrong.field).Line
		if wrong.unknown {
			return Config{}, unusable(path, line, "has no option %s; use one of %s", wrong.field, strings.Join(slices.Sorted(maps.Keys(planOf(reflect.TypeFor[Config]()).fields)), ", "))
		}
		return Config{}, unusable(path, line, "%s %s", wrong.field, wrong.message)
	}
	if err := config.validate(); err != nil {
		return Config{}, fmt.Errorf("%w: %s: %w", ErrInput, path, err)
	}
	config.folder = filepath.Dir(path)
	return config, nil
}

func (c Config) validate() error {
	if c.FailOn != "" && c.FailOn != Error && c.FailOn != Warning && c.FailOn != Note {
		return fmt.Errorf("failOn: no severity %q; use error, warning or note", c.FailOn)
	}
	for _, pattern := range c.Each {
		if _, err := filepath.Match(pattern, ""); err != nil {
			return fmt.Errorf("each: %q: %w", pattern, err)
		}
	}
	return c.Options().Validate()
}

// IsAlone reports whether a file is a set of its own.
func (c Config) IsAlone(file string) bool {
	file, err := filepath.Abs(file)
	if err != nil || c.folder == "" {
		return false
	}
	folder, err := filepath.Abs(c.folder)
	if err != nil {
		return false
	}
	relative, err := filepath.Rel(folder, file)
	if err != nil {
		return false
	}
	return slices.ContainsFunc(c.Each, func(pattern string) bool {
		matches, _ := filepath.Match(filepath.FromSlash(pattern), relative)
		return matches
	})
}

// Options are the options in the file.
func (c Config) Options() Options {
	return Options{Strict: c.Strict, Assume: c.Assume, KubernetesVersion: c.KubernetesVersion, Namespace: c.Namespace,
		ClusterDomain: c.ClusterDomain,
		Ignore:        c.Ignore}
}

// With returns the options with those of another one on top.
func (o Options) With(more Options) Options {
	o.Strict = o.Strict || more.Strict
	o.WithoutSchemas = o.WithoutSchemas || more.WithoutSchemas
	o.Assume = append(slices.Clone(o.Assume), more.Assume...)
	o.Ignore = append(slices.Clone(o.Ignore), more.Ignore...)
	if more.KubernetesVersion != "" {
		o.KubernetesVersion = more.KubernetesVersion
	}
	if more.Namespace != "" {
		o.Namespace = more.Namespace
	}
	if more.ClusterDomain != "" {
		o.ClusterDomain = more.ClusterDomain
	}
	return o
}

var versionPattern = regexp.MustCompile(`^v?1\.([0-9]{1,3})(\.[0-9]+)?$`)

// Validate says what is wrong with the options.
func (o Options) Validate() error {
	if o.KubernetesVersion != "" && !versionPattern.MatchString(o.KubernetesVersion) {
		return fmt.Errorf("no version of Kubernetes %q; use for example %q", o.KubernetesVersion, DefaultKubernetesVersion)
	}
	if o.Namespace != "" && len(validation.IsDNS1123Label(o.Namespace)) > 0 {
		return fmt.Errorf("no namespace %q; use lower-case letters, digits and '-'", o.Namespace)
	}
	if o.ClusterDomain != "" && len(validation.IsDNS1123Subdomain(o.ClusterDomain)) > 0 {
		return fmt.Errorf("no domain %q; use for example %q, without a dot at its end", o.ClusterDomain, tree.DefaultClusterDomain)
	}
	for _, assumed := range o.Assume {
		if parts := strings.Split(assumed, "/"); len(parts) < 2 || len(parts) > 3 || slices.Contains(parts, "") {
			return fmt.Errorf("cannot assume %q; use KIND/NAMESPACE/NAME, or KIND/NAME for a kind without namespaces", assumed)
		}
	}
	for _, code := range o.Ignore {
		if _, ok := FindRule(code); !ok {
			return fmt.Errorf("no rule %q to ignore; see combat check --list", code)
		}
	}
	return nil
}

// minor is the minor version of Kubernetes.
func (o Options) minor() int {
	version := o.KubernetesVersion
	if version == "" {
		version = DefaultKubernetesVersion
	}
	if match := versionPattern.FindStringSubmatch(version); match != nil {
		if n, err := strconv.Atoi(match[1]); err == nil {
			return n
		}
	}
	return 0
}

func (o Options) domain() serviceDomain {
	return serviceDomain(".svc." + cmp.Or(o.ClusterDomain, tree.DefaultClusterDomain))
}

func (o Options) ignores(code string) bool { return slices.Contains(o.Ignore, code) }

// assumes reports whether an object is said to exist.
func (o Options) assumes(kind, namespace, name string) bool {
	matches := func(pattern, text string) bool { return pattern == "*" || pattern == text }
	for _, assumed := range o.Assume {
		parts := strings.Split(assumed, "/")
		switch len(parts) {
		case 2:
			if matches(parts[0], kind) && matches(parts[1], name) {
				return true
			}
		case 3:
			if matches(parts[0], kind) && (matches(parts[1], namespace) || namespace == "") && matches(parts[2], name) {
				return true
			}
		}
	}
	return false
}
