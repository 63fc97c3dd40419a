package pod_test

import (
	"testing"
	"time"

	"github.com/cdk8s-team/cdk8s-core-go/cdk8s/v2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"

	"github.com/crossoverJie/k8s-combat/infra"
	"github.com/crossoverJie/k8s-combat/infra/internal/synthtest"
	"github.com/crossoverJie/k8s-combat/infra/pod"
)

func claim(chart cdk8s.Chart, name string) *infra.PersistentVolumeClaim {
	return infra.NewPersistentVolumeClaim(chart, name, infra.PersistentVolumeClaimProps{Name: name, ClaimOptions: pod.ClaimOptions{Storage: "1Gi"}})
}

// mounted mounts the volumes at /0, /1 and so on.
func mounted(volumes ...pod.Volume) []pod.Mount {
	var mounts []pod.Mount
	for i, volume := range volumes {
		mounts = append(mounts, pod.Mount{Path: "/" + string(rune('a'+i)), Volume: volume})
	}
	return mounts
}

func TestVolumeKinds(t *testing.T) {
	t.Parallel()
	synthtest.Golden(t, "volumes", pods(func(chart cdk8s.Chart, p *pod.Props) {
		p.Mounts = mounted(
			pod.EmptyDir("empty", pod.EmptyDirOptions{}),
			pod.EmptyDir("cache", pod.EmptyDirOptions{SizeLimit: "64Mi", Medium: pod.Memory}),
			pod.Claim(claim(chart, "data")),
			pod.ExistingClaim("archive"),
			pod.EphemeralClaim("work", pod.ClaimOptions{Storage: "10Gi", StorageClass: "fast", AccessModes: []pod.AccessMode{pod.ReadWriteOncePod}}),
			pod.AllKeys(config(chart)),
			pod.AllKeys(existing(chart, "password")),
			pod.ServiceAccountToken("vault", pod.TokenOptions{Audience: "vault", Expiration: 20 * time.Minute, Path: "vault/token"}),
			pod.ServiceAccountToken("api", pod.TokenOptions{}),
			pod.DownwardAPI("about", map[string]pod.FieldRef{"labels": "metadata.labels", "about/name": "metadata.name", "tier": "metadata.labels['tier']"}),
			pod.CSI("secrets", pod.CSIOptions{Driver: "secrets-store.csi.k8s.io", Attributes: map[string]string{"secretProviderClass": "queue"}, ReadOnly: true}),
			pod.Image("model", "example.com/model:3", pod.PullIfNotPresent),
			pod.HostPath("journal", "/var/log/journal", pod.ExistingDirectory),
		)
		p.Mounts[0].ReadOnly = true
		p.Mounts[1].SubPath = "queue/1"
		p.Mounts[2].SubPathExpr = "$(POD)/$$(POD)/$"
		p.Env = []pod.EnvVar{{Name: "POD", ValueFrom: pod.FieldRef("metadata.name")}}
	}))
}

func TestContainersShareAVolume(t *testing.T) {
	t.Parallel()
	spec := template(t, pods(func(chart cdk8s.Chart, p *pod.Props) {
		data, settings := claim(chart, "data"), config(chart)
		volumes := func() []pod.Volume {
			return []pod.Volume{
				pod.EmptyDir("run", pod.EmptyDirOptions{SizeLimit: "1Mi"}), pod.Claim(data), pod.AllKeys(settings),
				pod.DownwardAPI("about", map[string]pod.FieldRef{"name": "metadata.name"}),
				pod.CSI("secrets", pod.CSIOptions{Driver: "example.com", Attributes: map[string]string{"a": "b"}}),
			}
		}
		p.Mounts = mounted(volumes()...)
		p.Sidecars = []pod.Container{{Name: "proxy", Image: "example.com/proxy:1", Mounts: mounted(volumes()...)}}
		p.Init = []pod.Container{{Name: "copy", Image: "example.com/copy:1", Mounts: mounted(volumes()...)}}
	})).Spec
	assert.Len(t, spec.Volumes, 5)
	assert.Equal(t, spec.Containers[0].VolumeMounts, spec.InitContainers[0].VolumeMounts)
	assert.Equal(t, spec.Containers[0].VolumeMounts, spec.InitContainers[1].VolumeMounts)
}

// names are the names of the volumes, each once, after checking that what is mounted is there.
func names(t *testing.T, spec corev1.PodSpec) []string {
	t.Helper()
	var names []string
	for _, volume := range spec.Volumes {
		require.NotContains(t, names, volume.Name)
		names = append(names, volume.Name)
	}
	for _, container := range append(spec.InitContainers, spec.Containers...) {
		for _, mount := range container.VolumeMounts {
			assert.Contains(t, names, mount.Name)
		}
	}
	return names
}

func TestNamesOfVolumes(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		change func(chart cdk8s.Chart, p *pod.Props)
		want   []string
	}{
		"claims whose names are subdomains": {func(chart cdk8s.Chart, p *pod.Props) {
			p.Mounts = mounted(pod.Claim(claim(chart, "data.web.example.com")), pod.Claim(claim(chart, "data-web.example.com")), pod.ExistingClaim("data-web.example.com"))
		}, []string{"data-web-example-com", "data-web-example-com-2", "data-web-example-com-3"}},
		"a source as files and as a whole": {func(chart cdk8s.Chart, p *pod.Props) {
			settings := config(chart)
			p.Files = []pod.File{{Path: "/etc/queue/app.yaml", From: settings.Key("app.yaml")}}
			p.Sidecars = []pod.Container{{Name: "proxy", Image: "example.com/proxy:1", Mounts: mounted(pod.AllKeys(settings))}}
		}, []string{"configmap-settings", "configmap-settings-2"}},
		"names that somebody has chosen": {func(chart cdk8s.Chart, p *pod.Props) {
			p.Files = []pod.File{{Path: "/etc/queue/app.yaml", From: config(chart).Key("app.yaml")}}
			p.Scratch = []string{"/tmp"}
			p.Mounts = mounted(pod.Claim(claim(chart, "data")))
			p.Sidecars = []pod.Container{{Name: "proxy", Image: "example.com/proxy:1", Mounts: mounted(
				pod.EmptyDir("configmap-settings", pod.EmptyDirOptions{}), pod.EmptyDir("scratch-tmp", pod.EmptyDirOptions{}), pod.EmptyDir("data", pod.EmptyDirOptions{}),
			)}}
		}, []string{"configmap-settings-2", "data-2", "scratch-tmp-2", "configmap-settings", "scratch-tmp", "data"}},
		"scratch folders": {func(_ cdk8s.Chart, p *pod.Props) {
			p.Scratch = []string{"/tmp", "/var/cache/App_1", "/var/cache-App/1", "/x"}
			p.Sidecars = []pod.Container{{Name: "proxy", Image: "example.com/proxy:1", Scratch: []string{"/tmp"}}}
		}, []string{"scratch-tmp", "scratch-var-cache-app-1", "scratch-var-cache-app-1-2", "scratch-x", "scratch-tmp-2"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			assert.Equal(t, test.want, names(t, template(t, pods(test.change)).Spec))
		})
	}
}

func TestVolumeBadInput(t *testing.T) {
	t.Parallel()
	volumes := func(volumes ...pod.Volume) func(cdk8s.Chart) {
		return props(func(p *pod.Props) { p.Mounts = mounted(volumes...) })
	}
	const amount = "is not an amount of storage; use a quantity of bytes above 0, for example 64Mi or 10Gi"
	const relative = `is not a clean relative path; use for example "data/cache", without '..' and ':'`
	const label = "is not an RFC 1123 label; use 1 to 63 lower-case letters, digits or '-', beginning and ending with a letter or digit"
	synthtest.BadInput{
		"none": {volumes(pod.Volume{}), []string{
			`[chart/queue] Mounts[0].Volume: is not set; make it with EmptyDir, Claim, AllKeys or another function that returns a Volume`,
		}},
		"sources that are nil": {volumes(pod.Claim(nil), pod.Claim((*infra.PersistentVolumeClaim)(nil)), pod.AllKeys(nil), pod.AllKeys((*infra.Config)(nil)), pod.AllKeys((*infra.Credentials)(nil)),
			pod.Claim(struct{ pod.ClaimSource }{}), pod.AllKeys(ownSource{})), []string{
			`[chart/queue] Mounts[0].Volume: is not set; give a *PersistentVolumeClaim that is not nil`,
			`[chart/queue] Mounts[1].Volume: is not set; give a *PersistentVolumeClaim that is not nil`,
			`[chart/queue] Mounts[2].Volume.Source: is not set; give a *Config or *Credentials that is not nil`,
			`[chart/queue] Mounts[3].Volume.Source: is not set; give a *Config or *Credentials that is not nil`,
			`[chart/queue] Mounts[4].Volume.Source: is not set; give a *Config or *Credentials that is not nil`,
			`[chart/queue] Mounts[5].Volume: is not set; give a *PersistentVolumeClaim that is not nil`,
			`[chart/queue] Mounts[6].Volume.Source: is not set; give a *Config or *Credentials that is not nil`,
		}},
		"names": {volumes(pod.EmptyDir("", pod.EmptyDirOptions{}), pod.EmptyDir("A.b", pod.EmptyDirOptions{}), pod.ExistingClaim("A")), []string{
			`[chart/queue] Mounts[0].Volume.Name: "" ` + label,
			`[chart/queue] Mounts[1].Volume.Name: "A.b" ` + label,
			`[chart/queue] Mounts[2].Volume.Name: "A" is not an RFC 1123 subdomain; use 1 to 253 lower-case letters, digits, '-' or '.', beginning and ending with a letter or digit`,
		}},
		"one name for two": {props(func(p *pod.Props) {
			p.Mounts = mounted(pod.EmptyDir("data", pod.EmptyDirOptions{}))
			p.Init = []pod.Container{{Name: "copy", Image: "example.com/copy:1", Mounts: mounted(pod.EmptyDir("data", pod.EmptyDirOptions{Medium: pod.Memory}))}}
		}), []string{
			`[chart/queue] Init[0].Mounts[0].Volume.Name: "data" is the name of another volume, that of Mounts[0]; give each its own`,
		}},
		"empty folders": {volumes(pod.EmptyDir("a", pod.EmptyDirOptions{SizeLimit: "lots", Medium: "tmpfs"}), pod.EmptyDir("b", pod.EmptyDirOptions{SizeLimit: "100m"}), pod.EmptyDir("c", pod.EmptyDirOptions{SizeLimit: "0"})), []string{
			`[chart/queue] Mounts[0].Volume.SizeLimit: "lots" ` + amount,
			`[chart/queue] Mounts[0].Volume.Medium: "tmpfs" is not known; use Disk or Memory`,
			`[chart/queue] Mounts[1].Volume.SizeLimit: "100m" ` + amount,
			`[chart/queue] Mounts[2].Volume.SizeLimit: "0" ` + amount,
		}},
		"ephemeral claims": {volumes(
			pod.EphemeralClaim("a", pod.ClaimOptions{StorageClass: "A", Block: true}),
			pod.EphemeralClaim("b", pod.ClaimOptions{Storage: "-1", AccessModes: []pod.AccessMode{"", "RWO", pod.ReadWriteOnce, pod.ReadWriteOnce, pod.ReadWriteOncePod}}),
		), []string{
			`[chart/queue] Mounts[0].Volume.Storage: is not set; say how much is needed, for example 10Gi`,
			`[chart/queue] Mounts[0].Volume.StorageClass: "A" is not an RFC 1123 subdomain; use 1 to 253 lower-case letters, digits, '-' or '.', beginning and ending with a letter or digit`,
			`[chart/queue] Mounts[0].Volume.Block: true cannot be mounted at a path; leave it out`,
			`[chart/queue] Mounts[1].Volume.Storage: "-1" ` + amount,
			`[chart/queue] Mounts[1].Volume.AccessModes[0]: is not set; use ReadWriteOnce, ReadOnlyMany, ReadWriteMany or ReadWriteOncePod`,
			`[chart/queue] Mounts[1].Volume.AccessModes[1]: "RWO" is not known; use ReadWriteOnce, ReadOnlyMany, ReadWriteMany or ReadWriteOncePod`,
			`[chart/queue] Mounts[1].Volume.AccessModes[3]: "ReadWriteOnce" is there twice; leave out one of them`,
			`[chart/queue] Mounts[1].Volume.AccessModes: [ RWO ReadWriteOnce ReadWriteOnce ReadWriteOncePod] has ReadWriteOncePod, which stands alone; leave out the others`,
		}},
		"claim templates": {volumes(pod.ClaimTemplate("data")), []string{
			`[chart/queue] Mounts[0].Volume: "data" is storage that each pod of a StatefulSet has of its own, and this workload has no Claims; add it there, or use another volume`,
		}},
		"tokens": {volumes(
			pod.ServiceAccountToken("a", pod.TokenOptions{Expiration: time.Minute, Path: "../token"}),
			pod.ServiceAccountToken("b", pod.TokenOptions{Expiration: 1500 * time.Millisecond, Path: "/token"}),
			pod.ServiceAccountToken("c", pod.TokenOptions{Path: "a/..b"}),
		), []string{
			`[chart/queue] Mounts[0].Volume.Expiration: 1m0s is too short; use 10m or more`,
			`[chart/queue] Mounts[0].Volume.Path: "../token" ` + relative,
			`[chart/queue] Mounts[1].Volume.Expiration: 1.5s is not in whole seconds, which is what Kubernetes counts here; use for example 2s`,
			`[chart/queue] Mounts[1].Volume.Expiration: 1.5s is too short; use 10m or more`,
			`[chart/queue] Mounts[1].Volume.Path: "/token" ` + relative,
			`[chart/queue] Mounts[2].Volume.Path: "a/..b" ` + relative,
		}},
		"downward API": {volumes(pod.DownwardAPI("a", nil), pod.DownwardAPI("b", map[string]pod.FieldRef{"": "metadata.name", "ip": "status.podIP"})), []string{
			`[chart/queue] Mounts[0].Volume.Files: is not set; give at least one file, for example "labels": "metadata.labels"`,
			`[chart/queue] Mounts[1].Volume.Files[""]: "" ` + relative,
			`[chart/queue] Mounts[1].Volume.Files["ip"]: "status.podIP" is not a field of a pod that can be had here; use metadata.name, metadata.namespace, metadata.uid, metadata.labels, metadata.annotations, metadata.labels['KEY'] or metadata.annotations['KEY']`,
		}},
		"CSI": {volumes(pod.CSI("a", pod.CSIOptions{}), pod.CSI("b", pod.CSIOptions{Driver: "A"})), []string{
			`[chart/queue] Mounts[0].Volume.Driver: is not set; name the CSI driver, for example "secrets-store.csi.k8s.io"`,
			`[chart/queue] Mounts[1].Volume.Driver: "A" is not the name of a CSI driver; use at most 63 lower-case letters, digits, '-' or '.'`,
		}},
		"images": {volumes(pod.Image("a", "", ""), pod.Image("b", "A B", "Sometimes")), []string{
			`[chart/queue] Mounts[0].Volume.Reference: is not set; name an image, for example "docker.io/library/nginx:1.29"`,
			`[chart/queue] Mounts[1].Volume.Reference: "A B" is not an image reference; use [REGISTRY/]NAME[:TAG][@DIGEST] in lower case and without spaces, for example "docker.io/library/nginx:1.29"`,
			`[chart/queue] Mounts[1].Volume.PullPolicy: "Sometimes" is not known; use Always, IfNotPresent or Never`,
		}},
		"paths of the node": {volumes(pod.HostPath("a", "var/log", "Folder")), []string{
			`[chart/queue] Mounts[0].Volume.Path: "var/log" is not a clean absolute path; use for example "/var/lib/app", without ':'`,
			`[chart/queue] Mounts[0].Volume.Type: "Folder" is not known; use Directory, DirectoryOrCreate or File`,
		}},
	}.Run(t)
}
