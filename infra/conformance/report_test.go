package conformance_test

import (
	"fmt"
	"os/exec"
	"runtime"
	"strings"
	"time"
)

// report is what was compared, by flavour.
type report struct {
	seed        uint64
	began       time.Time
	differences int
	flavours    []flavourReport
}

type flavourReport struct{ cases, files, bytes, errors, reworded, differences int }

func (r *report) add(flavour int, c *comparison) {
	f := &r.flavours[flavour]
	f.cases++
	f.files += c.files
	f.bytes += c.bytes
	f.errors += c.errors
	f.reworded += c.reworded
	f.differences += len(c.differences)
	r.differences += len(c.differences)
}

func (r *report) total() flavourReport {
	var total flavourReport
	for _, f := range r.flavours {
		total.cases += f.cases
		total.files += f.files
		total.bytes += f.bytes
		total.errors += f.errors
		total.reworded += f.reworded
		total.differences += f.differences
	}
	return total
}

func (r *report) summary() string {
	total := r.total()
	return fmt.Sprintf("%d cases of seed %d: %d files, %d errors, %.1f MB of text compared, %d differences, in %s",
		total.cases, r.seed, total.files, total.errors, float64(total.bytes)/1e6, total.differences, time.Since(r.began).Round(time.Second))
}

// markdown is the report as it is committed.
func (r *report) markdown() (string, error) {
	cdk8s, err := listModule(cdk8sModule, "{{.Version}}")
	if err != nil {
		return "", err
	}
	constructs, err := listModule(constructsModule, "{{.Version}}")
	if err != nil {
		return "", err
	}
	node, err := exec.Command("node", "--version").Output()
	if err != nil {
		return "", err
	}
	var text strings.Builder
	_, _ = fmt.Fprintf(&text, `# The native tree and cdk8s, compared

Written by `+"`make conformance CASES=%d SEED=%d`"+`. Each case is a random tree, or random documents, made by cdk8s in
Node.js and by the native tree. Compared is all that can be seen of it: what each operation returns or fails with, each
construct's place in the tree, what each object and chart renders to, and every byte of every file that is written.

| | |
| --- | --- |
| seed | %d |
| cdk8s | %s |
| constructs | %s |
| Node.js | %s |
| Go | %s |
| **cases** | **%d** |
| **differences** | **%d** |

| cases | | files | text compared | errors made by both | of which in words of their own | differences |
| --- | --- | --- | --- | --- | --- | --- |
`, r.total().cases, r.seed, r.seed, strings.TrimPrefix(cdk8s, "v"), strings.TrimPrefix(constructs, "v"),
		strings.TrimPrefix(strings.TrimSpace(string(node)), "v"), strings.TrimPrefix(runtime.Version(), "go"), r.total().cases, r.differences)
	row := func(name string, f flavourReport) {
		_, _ = fmt.Fprintf(&text, "| %d | %s | %d | %.1f MB | %d | %d | %d |\n",
			f.cases, name, f.files, float64(f.bytes)/1e6, f.errors, f.reworded, f.differences)
	}
	for i, f := range r.flavours {
		row(flavours[i].name, f)
	}
	row("all", r.total())
	text.WriteString("\nAn error in words of its own is one of JSON Patch, or the path of a dependency cycle: the documentation of package\n" +
		"native says why. Both trees fail then, at the same place and for the same object.\n")
	return text.String(), nil
}
