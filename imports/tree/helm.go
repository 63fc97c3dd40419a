package tree

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/aws/constructs-go/constructs/v10"
	"github.com/cdk8s-team/cdk8s-core-go/cdk8s/v2"

	"github.com/crossoverJie/k8s-combat/imports/tree/manifest"
)

// HelmProps are the options of Helm; they mean what those of cdk8s.HelmProps mean.
type HelmProps struct {
	// Chart is what helm template takes as its chart: a folder, an archive, or the name of one in a repository. Required.
	Chart string
	// Repo is the URL of the repository that has the chart. Defaults to none.
	Repo string
	// Version is which version of the chart to take, or a range of them. Defaults to the newest.
	Version string
	// Namespace is the release's namespace. Defaults to that of helm.
	Namespace string
	// ReleaseName is the name of the release. Defaults to a name made of the construct's path, of at most 53 characters.
	ReleaseName string
	// Values override those of the chart. A nil takes a value of the chart away. Defaults to none.
	Values map[string]any
	// HelmExecutable is the program to run. Defaults to "helm", found on the PATH.
	HelmExecutable string
	// HelmFlags are more flags for helm template. Defaults to none.
	HelmFlags []string
}

const (
	// helmPatience is how long helm template may take, downloads included.
	helmPatience = 5 * time.Minute
	// maxHelmErrors is how much of what helm says of a failure is shown.
	maxHelmErrors = 4 << 10
)

// HelmChart is a construct that holds the objects of a Helm chart.
type HelmChart struct {
	constructs.Construct
	releaseName string
	objects     []cdk8s.ApiObject
}

// Helm runs "helm template" and includes what that writes, as cdk8s.NewHelm does, in either tree. It needs Helm, which
// gets five minutes. What helm says against it is reported at synth.
func Helm(scope constructs.Construct, id string, props HelmProps) *HelmChart {
	chart := &HelmChart{releaseName: props.ReleaseName}
	New(chart, scope, id)
	if chart.releaseName == "" {
		name, err := DNSLabel(scope, NameOptions{MaxLength: 53, Extra: []string{id}})
		if err != nil {
			panic(err) // there is room for the hash
		}
		chart.releaseName = name
	}
	if problems := props.validate(); len(problems) > 0 {
		Invalid(chart, problems...)
		return chart
	}
	documents, problem := props.render(chart.releaseName)
	if problem != nil {
		Invalid(chart, *problem)
		return chart
	}
	chart.objects = include(chart, documents)
	return chart
}

// Objects returns the objects, in the order in which helm writes them.
func (c *HelmChart) Objects() []cdk8s.ApiObject {
	if c == nil {
		return nil
	}
	return c.objects
}

// ReleaseName returns the name of the release.
func (c *HelmChart) ReleaseName() string {
	if c == nil {
		return ""
	}
	return c.releaseName
}

func (p HelmProps) validate() []Problem {
	var problems []Problem
	if p.Chart == "" {
		problems = append(problems, Problem{Field: "Chart", Detail: "is not set", Fix: "name a folder, an archive or a chart of a repository"})
	}
	for _, option := range []struct{ field, value string }{
		{"Chart", p.Chart}, {"Repo", p.Repo}, {"Version", p.Version}, {"Namespace", p.Namespace}, {"ReleaseName", p.ReleaseName},
	} {
		if strings.HasPrefix(option.value, "-") {
			problems = append(problems, Problem{Field: option.field, Value: option.value, Detail: "would be a flag of helm", Fix: "put flags into HelmFlags"})
		}
	}
	if _, err := json.Marshal(p.Values); err != nil {
		problems = append(problems, Problem{Field: "Values", Detail: fmt.Sprintf("cannot be written for helm: %v", err), Cause: err})
	} else if proxy := manifest.ProxyIn(p.Values); proxy != nil {
		problems = append(problems, Problem{Field: "Values", Detail: fmt.Sprintf("have a %s, which lives in Node.js, where it cannot be read", proxy), Fix: "pass plain values"})
	}
	return problems
}

// render returns the documents that helm template writes.
func (p HelmProps) render(releaseName string) ([]any, *Problem) {
	folder, err := os.MkdirTemp("", "helm-")
	if err != nil {
		return nil, &Problem{Field: "Values", Detail: "cannot be written for helm", Cause: err}
	}
	defer func() { _ = os.RemoveAll(folder) }()
	arguments := []string{"template"}
	if len(p.Values) > 0 {
		// JSON is YAML. MkdirTemp lets nobody else in.
		file := filepath.Join(folder, "overrides.yaml")
		text, err := json.Marshal(p.Values)
		if err == nil {
			err = os.WriteFile(file, text, 0o600)
		}
		if err != nil {
			return nil, &Problem{Field: "Values", Detail: fmt.Sprintf("cannot be written for helm: %v", err), Cause: err}
		}
		arguments = append(arguments, "-f", file)
	}
	for _, option := range []struct{ flag, value string }{{"--repo", p.Repo}, {"--version", p.Version}, {"--namespace", p.Namespace}} {
		if option.value != "" {
			arguments = append(arguments, option.flag, option.value)
		}
	}
	arguments = append(arguments, p.HelmFlags...)
	arguments = append(arguments, releaseName, p.Chart)
	return runHelm(p.HelmExecutable, arguments)
}

func runHelm(program string, arguments []string) ([]any, *Problem) {
	if program == "" {
		program = "helm"
	}
	ctx, cancel := context.WithTimeout(context.Background(), helmPatience)
	defer cancel()
	command := exec.CommandContext(ctx, program, arguments...)
	// What helm has started may hold its output open.
	command.WaitDelay = time.Second
	said := &capped{most: maxHelmErrors}
	command.Stderr = said
	output, err := command.StdoutPipe()
	if err == nil {
		err = command.Start()
	}
	if err != nil {
		return nil, &Problem{Field: "HelmExecutable", Value: program, Detail: "cannot be run to render the chart", Fix: "install Helm, or name the program", Cause: err}
	}
	documents, readErr := Load(output)
	if readErr != nil {
		// helm must not wait for somebody who reads on.
		_, _ = io.Copy(io.Discard, io.LimitReader(output, maxYAML))
	}
	if err := command.Wait(); err != nil {
		detail := strings.TrimSpace(said.String())
		if errors.Is(ctx.Err(), context.DeadlineExceeded) {
			detail = fmt.Sprintf("helm has not ended within %s", helmPatience)
		} else if detail == "" {
			detail = err.Error()
		}
		return nil, &Problem{Field: "Chart", Detail: "cannot be rendered: " + detail, Cause: err}
	}
	if readErr != nil {
		return nil, &Problem{Field: "Chart", Detail: fmt.Sprintf("is rendered to what cannot be read: %v", readErr), Cause: readErr}
	}
	return documents, nil
}

// capped keeps the beginning of what is written to it.
type capped struct {
	bytes.Buffer
	most int
}

func (c *capped) Write(text []byte) (int, error) {
	c.Buffer.Write(text[:min(len(text), c.most-c.Len())])
	return len(text), nil
}
