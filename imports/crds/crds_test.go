package crds_test

import (
	"fmt"
	"io/fs"
	"os/exec"
	"path"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"

	"github.com/crossoverJie/k8s-combat/imports/crds"
)

func TestFiles(t *testing.T) {
	t.Parallel()
	files, err := fs.Glob(crds.FS, "*/*.yaml")
	require.NoError(t, err)
	assert.Len(t, files, 15+10+10, "definitions; has the generator dropped one, or upstream added one?")
	for _, file := range files {
		text, err := crds.FS.ReadFile(file)
		require.NoError(t, err)
		var definition struct {
			APIVersion string
			Kind       string
			Metadata   struct{ Name string }
			Spec       struct {
				Group string
				Names struct{ Plural string }
			}
		}
		require.NoError(t, yaml.Unmarshal(text, &definition), file)
		assert.Equal(t, "apiextensions.k8s.io/v1", definition.APIVersion, file)
		assert.Equal(t, "CustomResourceDefinition", definition.Kind, file)
		spec := definition.Spec
		assert.Equal(t, spec.Names.Plural+"."+spec.Group, definition.Metadata.Name, file)
		assert.Equal(t, spec.Group+"_"+spec.Names.Plural+".yaml", path.Base(file))
	}
}

// TestVersions keeps the definitions at the versions of the modules whose types the constructors take.
func TestVersions(t *testing.T) {
	t.Parallel()
	for folder, module := range map[string]string{
		"istio":      "istio.io/api",
		"gatewayapi": "sigs.k8s.io/gateway-api",
		"monitoring": "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring",
	} {
		version, err := exec.Command("go", "list", "-m", "-f", "{{.Version}}", module).Output()
		require.NoError(t, err, module)
		files, err := fs.Glob(crds.FS, folder+"/*.yaml")
		require.NoError(t, err)
		for _, file := range files {
			text, err := crds.FS.ReadFile(file)
			require.NoError(t, err)
			source, _, _ := strings.Cut(string(text), "\n")
			assert.Contains(t, source, "@"+strings.TrimSpace(string(version))+"/", "%s: run make imports", file)
		}
	}
}

func Example() {
	text, err := crds.FS.ReadFile("istio/networking.istio.io_virtualservices.yaml")
	if err != nil {
		panic(err)
	}
	var definition struct {
		Spec struct{ Names struct{ ShortNames []string } }
	}
	if err := yaml.Unmarshal(text, &definition); err != nil {
		panic(err)
	}
	fmt.Println(definition.Spec.Names.ShortNames)
	// Output: [vs]
}
