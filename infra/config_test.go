package infra_test

import (
	"strings"
	"testing"

	"github.com/cdk8s-team/cdk8s-core-go/cdk8s/v2"
	"github.com/stretchr/testify/assert"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/crossoverJie/k8s-combat/infra"
	"github.com/crossoverJie/k8s-combat/infra/internal/synthtest"
	"github.com/crossoverJie/k8s-combat/infra/pod"
)

func TestConfig(t *testing.T) {
	t.Parallel()
	synthtest.Golden(t, "config", func(chart cdk8s.Chart) {
		infra.NewConfig(chart, "config", infra.ConfigProps{
			Name:        "settings",
			Data:        map[string]string{"LEVEL": "debug", "app.yaml": "a: 1\nb: 2\n", "empty": ""},
			Labels:      map[string]string{"tier": "web"},
			Annotations: map[string]string{"example.com/owner": "team"},
			Patch:       func(c *corev1.ConfigMap) { c.Immutable = new(true) },
		})
	})
}

// digest builds a workload over a Config with these data, and returns the digest in its pods' annotations.
func digest(t *testing.T, onChange infra.OnChange, data map[string]string, use func(c *infra.Config, props *infra.ProbedDeploymentProps)) string {
	t.Helper()
	got := synthtest.Only[appsv1.Deployment](t, "Deployment", func(chart cdk8s.Chart) {
		config := infra.NewConfig(chart, "config", infra.ConfigProps{Name: "settings", Data: data, OnChange: onChange})
		workload(func(props *infra.ProbedDeploymentProps) { use(config, props) })(chart)
	})
	return got.Spec.Template.Annotations["checksum/config"]
}

func TestConfigChangeRollsThePodsThatUseIt(t *testing.T) {
	t.Parallel()
	allKeys := func(c *infra.Config, props *infra.ProbedDeploymentProps) {
		props.EnvFrom = []pod.EnvFrom{{Source: c}}
	}
	oneKey := func(c *infra.Config, props *infra.ProbedDeploymentProps) {
		props.Env = []pod.EnvVar{{Name: "A", ValueFrom: c.Key("a")}}
	}
	oneFile := func(c *infra.Config, props *infra.ProbedDeploymentProps) {
		props.Files = []pod.File{{Path: "/etc/app/a", From: c.Key("a")}}
	}
	fileAndAllKeys := func(c *infra.Config, props *infra.ProbedDeploymentProps) {
		oneFile(c, props)
		allKeys(c, props)
	}
	unused := func(*infra.Config, *infra.ProbedDeploymentProps) {}
	for name, test := range map[string]struct {
		onChange infra.OnChange
		use      func(*infra.Config, *infra.ProbedDeploymentProps)
		// rollsOnA and rollsOnB say whether a change of the key a or b rolls the pods.
		rollsOnA, rollsOnB bool
	}{
		"restart, all keys":            {infra.Restart, allKeys, true, true},
		"restart, one variable":        {infra.Restart, oneKey, true, false},
		"restart, one file":            {infra.Restart, oneFile, true, false},
		"default, one file":            {"", oneFile, true, false},
		"reload, all keys":             {infra.Reload, allKeys, true, true},
		"reload, one variable":         {infra.Reload, oneKey, true, false},
		"reload, one file":             {infra.Reload, oneFile, false, false},
		"reload, a file and all keys":  {infra.Reload, fileAndAllKeys, false, true},
		"restart, a file and all keys": {infra.Restart, fileAndAllKeys, true, true},
		"not used":                     {infra.Restart, unused, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			before := digest(t, test.onChange, map[string]string{"a": "1", "b": "1"}, test.use)
			again := digest(t, test.onChange, map[string]string{"a": "1", "b": "1"}, test.use)
			assert.Equal(t, before, again, "the digest must depend on the content alone")
			afterA := digest(t, test.onChange, map[string]string{"a": "2", "b": "1"}, test.use)
			afterB := digest(t, test.onChange, map[string]string{"a": "1", "b": "2"}, test.use)
			assert.Equal(t, test.rollsOnA, before != afterA, "a change of a")
			assert.Equal(t, test.rollsOnB, before != afterB, "a change of b")
		})
	}
}

func TestConfigDigestTellsKeysFromValues(t *testing.T) {
	t.Parallel()
	all := func(c *infra.Config, props *infra.ProbedDeploymentProps) {
		props.EnvFrom = []pod.EnvFrom{{Source: c}}
	}
	one := digest(t, "", map[string]string{"a": "1\n\"b\"\n\"2"}, all)
	two := digest(t, "", map[string]string{"a": "1", "b": "2"}, all)
	assert.NotEqual(t, one, two)
}

func TestFilesThatReloadAreMountedWithTheirFolder(t *testing.T) {
	t.Parallel()
	for onChange, want := range map[infra.OnChange][]corev1.VolumeMount{
		infra.Restart: {
			{Name: "configmap-settings", MountPath: "/etc/app/a", SubPath: "a", ReadOnly: true},
			{Name: "configmap-settings", MountPath: "/etc/app/b", SubPath: "b", ReadOnly: true},
		},
		infra.Reload: {{Name: "configmap-settings", MountPath: "/etc/app", ReadOnly: true}},
	} {
		t.Run(string(onChange), func(t *testing.T) {
			t.Parallel()
			got := synthtest.Only[appsv1.Deployment](t, "Deployment", func(chart cdk8s.Chart) {
				config := infra.NewConfig(chart, "config", infra.ConfigProps{
					Name: "settings", Data: map[string]string{"a": "1", "b": "2"}, OnChange: onChange,
				})
				workload(func(props *infra.ProbedDeploymentProps) {
					props.Files = []pod.File{{Path: "/etc/app/a", From: config.Key("a")}, {Path: "/etc/app/b", From: config.Key("b")}}
				})(chart)
			})
			assert.Equal(t, want, got.Spec.Template.Spec.Containers[0].VolumeMounts)
			assert.Len(t, got.Spec.Template.Spec.Volumes, 1)
		})
	}
}

func TestOneKeyWithTwoModesStandsInTheVolumeTwice(t *testing.T) {
	t.Parallel()
	pod := synthtest.Only[appsv1.Deployment](t, "Deployment", func(chart cdk8s.Chart) {
		config := infra.NewConfig(chart, "config", infra.ConfigProps{Name: "settings", Data: map[string]string{"run": "x"}})
		workload(func(props *infra.ProbedDeploymentProps) {
			props.Files = []pod.File{
				{Path: "/a", From: config.Key("run"), Mode: new(int32(0o400))}, {Path: "/b", From: config.Key("run"), Mode: new(int32(0o755))},
				{Path: "/c", From: config.Key("run"), Mode: new(int32(0o400))},
			}
		})(chart)
	}).Spec.Template.Spec
	assert.Equal(t, []corev1.KeyToPath{
		{Key: "run", Path: "run", Mode: new(int32(0o400))}, {Key: "run", Path: "run-2", Mode: new(int32(0o755))},
	}, pod.Volumes[0].ConfigMap.Items)
	var subPaths []string
	for _, mount := range pod.Containers[0].VolumeMounts {
		subPaths = append(subPaths, mount.SubPath)
	}
	assert.Equal(t, []string{"run", "run-2", "run"}, subPaths)
}

func TestPatchedConfigRollsThePods(t *testing.T) {
	t.Parallel()
	sum := func(value string) string {
		got := synthtest.Only[appsv1.Deployment](t, "Deployment", func(chart cdk8s.Chart) {
			config := infra.NewConfig(chart, "config", infra.ConfigProps{
				Name: "settings", Data: map[string]string{"a": "1"}, Patch: func(c *corev1.ConfigMap) { c.Data["b"] = value },
			})
			workload(func(props *infra.ProbedDeploymentProps) {
				props.Env = []pod.EnvVar{{Name: "B", ValueFrom: config.Key("b")}}
			})(chart)
		})
		return got.Spec.Template.Annotations["checksum/config"]
	}
	assert.NotEqual(t, sum("1"), sum("2"))
}

func TestVolumeNamesAreLabelsOfTheirOwn(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("a", 60)
	got := synthtest.Only[appsv1.Deployment](t, "Deployment", func(chart cdk8s.Chart) {
		var files []pod.File
		for i, name := range []string{"one.two", "one-two", long + "-b", long + "-c"} {
			id := string(rune('a' + i))
			config := infra.NewConfig(chart, id, infra.ConfigProps{Name: name, Data: map[string]string{"k": ""}})
			files = append(files, pod.File{Path: "/etc/" + id, From: config.Key("k")})
		}
		workload(func(props *infra.ProbedDeploymentProps) { props.Files = files })(chart)
	})
	var names []string
	for _, volume := range got.Spec.Template.Spec.Volumes {
		names = append(names, volume.Name)
		assert.LessOrEqual(t, len(volume.Name), 63)
	}
	assert.Equal(t, []string{
		"configmap-one-two", "configmap-one-two-2",
		"configmap-" + long[:50], "configmap-" + long[:50] + "-2",
	}, names)
}

func TestConfigBadInput(t *testing.T) {
	t.Parallel()
	config := func(props infra.ConfigProps) func(cdk8s.Chart) {
		return func(chart cdk8s.Chart) { infra.NewConfig(chart, "config", props) }
	}
	used := func(use func(c *infra.Config, props *infra.ProbedDeploymentProps)) func(cdk8s.Chart) {
		return func(chart cdk8s.Chart) {
			c := infra.NewConfig(chart, "config", infra.ConfigProps{Name: "settings", Data: map[string]string{"a": "", "b": ""}})
			workload(func(props *infra.ProbedDeploymentProps) { use(c, props) })(chart)
		}
	}
	reloaded := func(files ...string) func(cdk8s.Chart) {
		return func(chart cdk8s.Chart) {
			restart := infra.NewConfig(chart, "restart", infra.ConfigProps{Name: "restart", Data: map[string]string{"a": ""}})
			reload := infra.NewConfig(chart, "reload", infra.ConfigProps{Name: "reload", Data: map[string]string{"a": ""}, OnChange: infra.Reload})
			workload(func(props *infra.ProbedDeploymentProps) {
				props.Files = []pod.File{{Path: files[0], From: reload.Key("a")}, {Path: files[1], From: restart.Key("a")}}
			})(chart)
		}
	}
	synthtest.BadInput{
		"no name": {config(infra.ConfigProps{}), []string{
			`[chart/config] Name: is not set; give the object a name, for example "web"`,
		}},
		"name": {config(infra.ConfigProps{Name: "A_b"}), []string{
			`[chart/config] Name: "A_b" is not an RFC 1123 subdomain; use 1 to 253 lower-case letters, digits, '-' or '.', beginning and ending with a letter or digit`,
		}},
		"more than 1 MiB": {config(infra.ConfigProps{Name: "c", Data: map[string]string{"a": strings.Repeat("x", 1<<20), "b": "y"}}), []string{
			`[chart/config] Data: "1048577 bytes" is more than a ConfigMap may hold, 1048576 bytes; split it, or put large files into the image or a volume`,
		}},
		"key": {config(infra.ConfigProps{Name: "c", Data: map[string]string{"a b": "", "..": ""}}), []string{
			`[chart/config] Data: ".." is not a key; use at most 253 letters, digits, '-', '_' or '.', other than "." and ".."`,
			`[chart/config] Data: "a b" is not a key; use at most 253 letters, digits, '-', '_' or '.', other than "." and ".."`,
		}},
		"binary": {config(infra.ConfigProps{Name: "c", Data: map[string]string{"a": "\xff"}}), []string{
			`[chart/config] Data["a"]: "\xff" is not UTF-8 text; put binary content into the image, or add it to BinaryData by Patch`,
		}},
		"on change": {config(infra.ConfigProps{Name: "c", OnChange: "Ignore"}), []string{
			`[chart/config] OnChange: "Ignore" is not known; use Restart or Reload`,
		}},
		"key that does not exist": {used(func(c *infra.Config, props *infra.ProbedDeploymentProps) {
			props.Env = []pod.EnvVar{{Name: "A", ValueFrom: c.Key("c")}}
			props.Files = []pod.File{{Path: "/a", From: c.Key("d")}}
		}), []string{
			`[chart/web] Env[0].ValueFrom: "c" is not a key of ConfigMap settings; use a or b`,
			`[chart/web] Files[0].From: "d" is not a key of ConfigMap settings; use a or b`,
		}},
		"value beside its source": {used(func(c *infra.Config, props *infra.ProbedDeploymentProps) {
			props.Env = []pod.EnvVar{{Name: "A", Value: "secret", ValueFrom: c.Key("a")}}
		}), []string{
			`[chart/web] Env[0].Value: "..." cannot stand beside ValueFrom; leave out one of them`,
		}},
		"two files at one path": {used(func(c *infra.Config, props *infra.ProbedDeploymentProps) {
			props.Files = []pod.File{{Path: "/a", From: c.Key("a")}, {Path: "/a", From: c.Key("b")}}
		}), []string{
			`[chart/web] Files[1].Path: "/a" is already taken by Files[0]; give each file a path of its own`,
		}},
		"file paths": {used(func(c *infra.Config, props *infra.ProbedDeploymentProps) {
			props.Files = []pod.File{
				{Path: "a", From: c.Key("a")}, {Path: "/a/../b", From: c.Key("a")}, {Path: "/", From: c.Key("a")},
				{Path: "/a:b", From: c.Key("a")}, {Path: "/a/..b", From: c.Key("a")}, {Path: "/proc/a", From: c.Key("a")}, {Path: "/ok"}, {Path: "/mode", From: c.Key("a"), Mode: new(int32(0o1000))},
			}
		}), []string{
			`[chart/web] Files[0].Path: "a" is not a clean absolute path of a file; use for example "/etc/app/app.yaml", without ':', its name not beginning with '..'`,
			`[chart/web] Files[1].Path: "/a/../b" is not a clean absolute path of a file; use for example "/etc/app/app.yaml", without ':', its name not beginning with '..'`,
			`[chart/web] Files[2].Path: "/" is not a clean absolute path of a file; use for example "/etc/app/app.yaml", without ':', its name not beginning with '..'`,
			`[chart/web] Files[3].Path: "/a:b" is not a clean absolute path of a file; use for example "/etc/app/app.yaml", without ':', its name not beginning with '..'`,
			`[chart/web] Files[4].Path: "/a/..b" is not a clean absolute path of a file; use for example "/etc/app/app.yaml", without ':', its name not beginning with '..'`,
			`[chart/web] Files[5].Path: "/proc/a" is in a folder of the kernel's, where nothing can be mounted; use for example "/etc/app/app.yaml"`,
			`[chart/web] Files[6].From: is not set; give the Key of a *Config or of *Credentials`,
			`[chart/web] Files[7].Mode: "01000" is not a file mode; use 0 to 0777`,
		}},
		"folder hides a file": {reloaded("/etc/app/a", "/etc/app/b"), []string{
			`[chart/web] Files[1].Path: "/etc/app/b" is below or above what Files[0] mounts, /etc/app; use different folders`,
		}},
		"folder at the root": {reloaded("/a", "/b"), []string{
			`[chart/web] Files[0].Path: "/a" would hide the whole image: a file that is updated in place is mounted with its folder; use a folder of its own`,
		}},
	}.Run(t)
}

func TestConfigPatchTellsOfKeysInTheirOrder(t *testing.T) {
	t.Parallel()
	const notAKey = ` is not a key; use at most 253 letters, digits, '-', '_' or '.', other than "." and ".."`
	var want []string
	data := map[string]string{}
	for _, key := range []string{"a b", "c d", "e f", "g h", "i j", "k l"} {
		data[key] = ""
		want = append(want, `[chart/config] Patch.data: "`+key+`"`+notAKey)
	}
	_, messages := synthtest.Synth(t, func(chart cdk8s.Chart) {
		infra.NewConfig(chart, "config", infra.ConfigProps{Name: "config", Patch: func(c *corev1.ConfigMap) { c.Data = data }})
	})
	assert.Equal(t, want, messages)
}
