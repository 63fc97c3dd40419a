package pod_test

import (
	"strings"
	"testing"

	"github.com/cdk8s-team/cdk8s-core-go/cdk8s/v2"
	"github.com/stretchr/testify/assert"
	corev1 "k8s.io/api/core/v1"

	"github.com/crossoverJie/k8s-combat/infra/internal/synthtest"
	"github.com/crossoverJie/k8s-combat/infra/pod"
)

func TestFilesOfASidecar(t *testing.T) {
	t.Parallel()
	spec := template(t, pods(func(chart cdk8s.Chart, p *pod.Props) {
		settings, flags := config(chart), reloaded(chart, "flags")
		p.Files = []pod.File{{Path: "/etc/queue/app.yaml", From: settings.Key("app.yaml")}}
		p.Sidecars = []pod.Container{{Name: "proxy", Image: "example.com/proxy:1", Files: []pod.File{
			{Path: "/etc/proxy.yaml", From: settings.Key("app.yaml")}, {Path: "/etc/flags/flags.json", From: flags.Key("flags.json")},
		}}}
		p.Init = []pod.Container{{Name: "copy", Image: "example.com/copy:1", Files: []pod.File{
			{Path: "/etc/copy/level", From: settings.Key("LEVEL"), Mode: new(int32(0o400))},
		}}}
	})).Spec
	assert.Equal(t, []string{"configmap-settings", "configmap-flags"}, names(t, spec))
	assert.Equal(t, []corev1.KeyToPath{{Key: "app.yaml", Path: "app.yaml"}, {Key: "LEVEL", Path: "LEVEL", Mode: new(int32(0o400))}}, spec.Volumes[0].ConfigMap.Items)
	assert.Equal(t, []corev1.VolumeMount{{Name: "configmap-settings", MountPath: "/etc/queue/app.yaml", SubPath: "app.yaml", ReadOnly: true}}, spec.Containers[0].VolumeMounts)
	assert.Equal(t, []corev1.VolumeMount{
		{Name: "configmap-settings", MountPath: "/etc/proxy.yaml", SubPath: "app.yaml", ReadOnly: true},
		{Name: "configmap-flags", MountPath: "/etc/flags", ReadOnly: true},
	}, spec.InitContainers[0].VolumeMounts)
	assert.Equal(t, []corev1.VolumeMount{{Name: "configmap-settings", MountPath: "/etc/copy/level", SubPath: "LEVEL", ReadOnly: true}}, spec.InitContainers[1].VolumeMounts)
}

func TestMountsMayStandInOneAnother(t *testing.T) {
	t.Parallel()
	_, messages := synthtest.Synth(t, pods(func(chart cdk8s.Chart, p *pod.Props) {
		p.Scratch = []string{"/dev/shm", "/app/cache"}
		p.Files = []pod.File{{Path: "/data/settings/app.yaml", From: config(chart).Key("app.yaml")}}
		p.Mounts = []pod.Mount{
			{Path: "/data", Volume: pod.EmptyDir("data", pod.EmptyDirOptions{})},
			{Path: "/data/deep", Volume: pod.EmptyDir("deep", pod.EmptyDirOptions{})},
			{Path: "/etc/hosts.d", Volume: pod.EmptyDir("hosts", pod.EmptyDirOptions{})},
		}
	}))
	assert.Empty(t, messages)
}

func TestLongNamesOfScratchFolders(t *testing.T) {
	t.Parallel()
	long := "/var/" + strings.Repeat("cache-", 20)
	spec := template(t, props(func(p *pod.Props) { p.Scratch = []string{long + "/a", long + "/b"} })).Spec
	for _, name := range names(t, spec) {
		assert.LessOrEqual(t, len(name), 63)
	}
	assert.Equal(t, long+"/b", spec.Containers[0].VolumeMounts[1].MountPath)
}

func TestMountBadInput(t *testing.T) {
	t.Parallel()
	at := func(paths ...string) func(cdk8s.Chart) {
		return props(func(p *pod.Props) {
			for _, path := range paths {
				p.Mounts = append(p.Mounts, pod.Mount{Path: path, Volume: pod.EmptyDir("data", pod.EmptyDirOptions{})})
			}
		})
	}
	scratch := func(paths ...string) func(cdk8s.Chart) { return props(func(p *pod.Props) { p.Scratch = paths }) }
	const absolute = `is not a clean absolute path; use for example "/var/lib/app", without ':'`
	const relative = `is not a clean relative path; use for example "data/cache", without '..' and ':'`
	synthtest.BadInput{
		"files that are folders": {pods(func(chart cdk8s.Chart, p *pod.Props) {
			settings := config(chart)
			for _, path := range []string{"/etc", "/usr/bin", "/tmp"} {
				p.Files = append(p.Files, pod.File{Path: path, From: settings.Key("LEVEL")})
			}
		}), []string{
			`[chart/queue] Files[0].Path: "/etc" is a folder in every image, which no file can be mounted over; name a file in it`,
			`[chart/queue] Files[1].Path: "/usr/bin" is a folder in every image, which no file can be mounted over; name a file in it`,
			`[chart/queue] Files[2].Path: "/tmp" is a folder in every image, which no file can be mounted over; name a file in it`,
		}},
		"folders of a distribution": {at("/usr/lib/x86_64-linux-gnu", "/etc/pki/tls/certs", "/run", "/opt"), []string{
			`[chart/queue] Mounts[0].Path: "/usr/lib/x86_64-linux-gnu" would hide all that the image has in /usr/lib/x86_64-linux-gnu; use a folder of its own`,
			`[chart/queue] Mounts[1].Path: "/etc/pki/tls/certs" would hide all that the image has in /etc/pki/tls/certs; use a folder of its own`,
		}},
		"folders of the image": {at("/", "/etc", "/usr/local/bin"), []string{
			`[chart/queue] Mounts[0].Path: "/" would hide the whole image; use a folder of its own`,
			`[chart/queue] Mounts[1].Path: "/etc" would hide all that the image has in /etc; use a folder of its own`,
			`[chart/queue] Mounts[2].Path: "/usr/local/bin" would hide all that the image has in /usr/local/bin; use a folder of its own`,
		}},
		"folders of the kernel": {scratch("/proc", "/sys/fs", "/dev"), []string{
			`[chart/queue] Scratch[0]: "/proc" would hide what the kernel shows in /proc; use a folder of its own`,
			`[chart/queue] Scratch[1]: "/sys/fs" would hide what the kernel shows in /sys/fs; use a folder of its own`,
			`[chart/queue] Scratch[2]: "/dev" would hide what the kernel shows in /dev; use a folder of its own`,
		}},
		"no paths": {at("", "data", "/data/", "/a/../b", "/a:b"), []string{
			`[chart/queue] Mounts[0].Path: "" ` + absolute,
			`[chart/queue] Mounts[1].Path: "data" ` + absolute,
			`[chart/queue] Mounts[2].Path: "/data/" ` + absolute,
			`[chart/queue] Mounts[3].Path: "/a/../b" ` + absolute,
			`[chart/queue] Mounts[4].Path: "/a:b" ` + absolute,
		}},
		"scratch that is none": {scratch("tmp", "/tmp", "/tmp"), []string{
			`[chart/queue] Scratch[0]: "tmp" ` + absolute,
			`[chart/queue] Scratch[2]: "/tmp" is already taken by Scratch[1]; give each a path of its own`,
		}},
		"one path twice": {props(func(p *pod.Props) {
			p.Scratch = []string{"/data"}
			p.Mounts = []pod.Mount{{Path: "/data", Volume: pod.EmptyDir("data", pod.EmptyDirOptions{})}}
		}), []string{
			`[chart/queue] Mounts[0].Path: "/data" is already taken by Scratch[0]; give each a path of its own`,
		}},
		"in a folder of files": {pods(func(chart cdk8s.Chart, p *pod.Props) {
			p.Sidecars = []pod.Container{{
				Name: "proxy", Image: "example.com/proxy:1", Scratch: []string{"/etc/flags/cache"},
				Files: []pod.File{{Path: "/etc/flags/flags.json", From: reloaded(chart, "flags").Key("flags.json")}},
			}}
		}), []string{
			`[chart/queue] Sidecars[0].Scratch[0]: "/etc/flags/cache" is below or above what Sidecars[0].Files[0] mounts, /etc/flags; use different folders`,
		}},
		"file that hides a folder of the image": {pods(func(chart cdk8s.Chart, p *pod.Props) {
			p.Files = []pod.File{{Path: "/etc/flags.json", From: reloaded(chart, "flags").Key("flags.json")}, {Path: "/proc/x", From: config(chart).Key("LEVEL")}}
		}), []string{
			`[chart/queue] Files[0].Path: "/etc/flags.json" would hide all that the image has in /etc: a file that is updated in place is mounted with its folder; use a folder of its own`,
			`[chart/queue] Files[1].Path: "/proc/x" is in a folder of the kernel's, where nothing can be mounted; use for example "/etc/app/app.yaml"`,
		}},
		"sub-paths": {props(func(p *pod.Props) {
			volume := pod.EmptyDir("data", pod.EmptyDirOptions{})
			p.Env = []pod.EnvVar{{Name: "A", Value: "a"}}
			p.Mounts = []pod.Mount{
				{Path: "/a", Volume: volume, SubPath: "/x"}, {Path: "/b", Volume: volume, SubPath: ".."},
				{Path: "/c", Volume: volume, SubPath: "x", SubPathExpr: "$(A)"}, {Path: "/d", Volume: volume, SubPathExpr: "../$(A)"},
			}
		}), []string{
			`[chart/queue] Mounts[0].SubPath: "/x" ` + relative,
			`[chart/queue] Mounts[1].SubPath: ".." ` + relative,
			`[chart/queue] Mounts[2].SubPathExpr: "$(A)" cannot stand beside SubPath; leave out one of them`,
			`[chart/queue] Mounts[3].SubPathExpr: "../$(A)" ` + relative,
		}},
	}.Run(t)
}
