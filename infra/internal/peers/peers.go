// Package peers puts combat check beside the analyzers that others have: Istio's, kube-score and kube-linter. It says of each
// of their rules which code has it here, or why none does. The tests in beside hold that against their own testdata.
package peers

import (
	"fmt"
	"strings"

	"github.com/crossoverJie/k8s-combat/infra/check"
)

// Rule is a rule of a peer.
type Rule struct {
	Name string
	// Codes are those of the rules here that find the same. Why says why there is none, or what is left out.
	Codes []string
	Why   string
}

// Peer is a program with rules.
type Peer struct {
	Name, Version string
	Rules         []Rule
}

// Peers are all of them.
func Peers() []Peer { return []Peer{istio, kubeScore, kubeLinter} }

// Page is the page of all rules of the peers, as docs/check-peers.md has it.
func Page() string {
	var page strings.Builder
	page.WriteString(`# combat check beside other analyzers

What Istio's analyzers, kube-score and kube-linter ask, and which rule of [combat check](check.md) finds the same, or why
none does. combat check says what will not work: what is refused, fails, loses requests, or is not what was meant. It
leaves out matters of policy, on which teams differ, what only a running cluster can tell, and what is about the
installation of a control plane.

` + "`make check-peers`" + ` runs the check on the testdata of these programs: each message that they
expect there has its finding, or a reason.
`)
	for _, peer := range Peers() {
		fmt.Fprintf(&page, "\n## %s\n\nVersion %s.\n\n| rule | combat check |\n| --- | --- |\n", peer.Name, peer.Version)
		for _, rule := range peer.Rules {
			var links []string
			for _, code := range rule.Codes {
				known, _ := check.FindRule(code)
				links = append(links, fmt.Sprintf("[%s](check.md#%s) %s", code, strings.ToLower(code), known.Title))
			}
			if rule.Why != "" {
				links = append(links, rule.Why)
			}
			fmt.Fprintf(&page, "| %s | %s |\n", rule.Name, strings.Join(links, "; "))
		}
	}
	return page.String()
}
