package synthtest

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/cdk8s-team/cdk8s-core-go/cdk8s/v2"
)

var (
	kindLine = regexp.MustCompile(`(?m)^kind: (\S+)$`)
	nameLine = regexp.MustCompile(`(?m)^  name: (\S+)$`)
)

// PrintKinds prints the app's objects of those kinds.
func PrintKinds(app cdk8s.App, kinds ...string) {
	var selected []string
	for document := range strings.SplitSeq(*app.SynthYaml(), "---\n") {
		if slices.Contains(kinds, kindLine.FindStringSubmatch(document)[1]) {
			selected = append(selected, document)
		}
	}
	fmt.Print(strings.Join(selected, "---\n"))
}

// PrintNames prints the kind and the name of each of the app's objects.
func PrintNames(app cdk8s.App) {
	for document := range strings.SplitSeq(*app.SynthYaml(), "---\n") {
		fmt.Println(kindLine.FindStringSubmatch(document)[1], nameLine.FindStringSubmatch(document)[1])
	}
}
