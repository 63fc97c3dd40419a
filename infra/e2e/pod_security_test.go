package e2e

import (
	"strings"
	"testing"

	"github.com/cdk8s-team/cdk8s-core-go/cdk8s/v2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/crossoverJie/k8s-combat/imports/k8s"
	"github.com/crossoverJie/k8s-combat/imports/tree"
)

// TestPodSecurityOfSidecars sees what the documentation of a MeshNamespace says: a pod that meets the restricted standard
// meets not even baseline once Istio has injected the container that redirects its traffic.
func TestPodSecurityOfSidecars(t *testing.T) {
	needSidecars(t)
	for _, test := range []struct{ level, injection string }{
		{"restricted", "disabled"}, {"restricted", "enabled"}, {"baseline", "enabled"}, {"privileged", "enabled"},
	} {
		t.Run(test.level+", injection "+test.injection, func(t *testing.T) {
			namespace := newNamespaceWith(t, "pod-security", map[string]string{enforceLabel: test.level, injectionLabel: test.injection})
			content := written(t, func(app cdk8s.App) {
				k8s.NewPod(tree.NewChart(app, "chart", tree.ChartProps{Namespace: namespace}), "pod", restrictedPod("restricted", echoImage))
			})
			created, stderr, err := tryKubectl(t.Context(), content, "create", "--dry-run=server", "--output", "name", "--filename", "-")
			if test.injection == "disabled" || test.level == "privileged" {
				require.NoError(t, err)
				assert.Equal(t, "pod/restricted", strings.TrimSpace(created))
				return
			}
			if err == nil {
				t.Skip("Istio's injected pods need no capability here, as with its CNI plugin: nothing is to be seen")
			}
			require.ErrorContains(t, err, `violates PodSecurity "`+test.level)
			require.ErrorContains(t, err, `(container "istio-init" must not include "NET_ADMIN", "NET_RAW" in securityContext.capabilities.add)`)
			t.Log(strings.TrimSpace(stderr))
		})
	}
}
