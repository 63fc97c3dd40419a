package peers_test

import (
	"flag"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/crossoverJie/k8s-combat/infra/check"
	"github.com/crossoverJie/k8s-combat/infra/internal/peers"
)

var update = flag.Bool("update", false, "write the page")

func TestThePageIsThatOfTheTables(t *testing.T) {
	t.Parallel()
	const page = "../../../docs/check-peers.md"
	for _, peer := range peers.Peers() {
		for _, rule := range peer.Rules {
			assert.True(t, len(rule.Codes) > 0 || rule.Why != "", "%s: a rule has a code, or a reason for none", rule.Name)
			for _, code := range rule.Codes {
				_, known := check.FindRule(code)
				assert.True(t, known, "%s: %s", rule.Name, code)
			}
		}
	}
	if *update {
		require.NoError(t, os.WriteFile(page, []byte(peers.Page()), 0o644))
	}
	written, err := os.ReadFile(page)
	require.NoError(t, err)
	assert.Equal(t, peers.Page(), string(written), "write it: go test ./infra/internal/peers -update")
}
