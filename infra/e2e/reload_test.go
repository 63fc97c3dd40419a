package e2e

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/cdk8s-team/cdk8s-core-go/cdk8s/v2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/crossoverJie/k8s-combat/app/contract"
	"github.com/crossoverJie/k8s-combat/infra"
	"github.com/crossoverJie/k8s-combat/infra/pod"
)

// filePage is what contract.PathConfig tells of the mounted file.
type filePage struct {
	File struct {
		Problem string
		Values  []struct{ Key, Value, Source string }
	}
}

// name is the key that the test changes.
func (p filePage) name() string {
	for _, v := range p.File.Values {
		if v.Key == "name" {
			return v.Value
		}
	}
	return ""
}

// TestMountedFileReloads changes a ConfigMap: the process reads the file again, by itself, and leaves alone one that is
// broken.
func TestMountedFileReloads(t *testing.T) {
	t.Parallel()
	needCluster(t)
	namespace := newNamespace(t, "reload")
	write := func(content string) {
		apply(t, namespace, func(chart cdk8s.Chart) {
			const path = "/etc/k8s-combat/app.yaml"
			file := infra.NewConfig(chart, "file", infra.ConfigProps{Name: "app-file", OnChange: infra.Reload, Data: map[string]string{"APP": content}})
			infra.NewProbedDeployment(chart, provider, infra.ProbedDeploymentProps{
				Name: provider, Image: serviceImage, ImagePullPolicy: pod.PullIfNotPresent,
				Ports: []pod.Port{{Name: contract.HTTPPortName, Port: contract.HTTPPort}},
				Env:   []pod.EnvVar{{Name: contract.EnvConfigFile, Value: path}},
				Files: []pod.File{{Path: path, From: file.Key("APP")}},
			})
		})
	}
	write("name: one\n")
	awaitDeployments(t, namespace)
	pod := podOf(t, namespace, "app="+provider)
	// await waits for a page that accept finds nothing wrong with.
	await := func(accept func(page filePage) error) time.Duration {
		return eventually(t, 3*time.Minute, func() error {
			content, err := fetch(t, namespace, pod, contract.AdminPort, contract.PathConfig)
			if err != nil {
				return err
			}
			var page filePage
			if err := json.Unmarshal([]byte(content), &page); err != nil {
				return err
			}
			return accept(page)
		})
	}
	isNamed := func(name string) func(page filePage) error {
		return func(page filePage) error {
			if got := page.name(); got != name {
				return fmt.Errorf("the file in force says %q, not %q", got, name)
			}
			return nil
		}
	}
	await(isNamed("one"))

	write("name: two\n")
	t.Logf("%s shows the new file %s after the ConfigMap has changed", contract.PathConfig, await(isNamed("two")))

	write("name: [\n")
	// The kubelet looks at the volumes of a pod at once when the pod changes, else once a minute.
	kubectl(t, nil, "annotate", "pod", pod, "e2e/look=now", "--namespace", namespace)
	took := await(func(page filePage) error {
		if page.File.Problem == "" {
			return errors.New("the broken file is not there yet")
		}
		require.Equal(t, "two", page.name(), "the file before stays in force")
		assert.True(t, strings.HasPrefix(page.File.Problem, "unusable"), page.File.Problem)
		t.Logf("a broken file: %s", page.File.Problem)
		return nil
	})
	t.Logf("told %s after the ConfigMap has changed; the one before stays in force", took)
	assert.Equal(t, pod, podOf(t, namespace, "app="+provider), "the same pod")
	assertNoRestarts(t, namespace)
}
