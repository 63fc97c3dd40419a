package pod

import (
	"fmt"
	"path"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/crossoverJie/k8s-combat/infra/internal/problem"
	"github.com/crossoverJie/k8s-combat/infra/internal/ref"
)

// systemFolders are part of every image that is more than one program, of one distribution or
// another, and hold what programs start with.
var systemFolders = []string{
	"/", "/bin", "/boot", "/etc", "/etc/alternatives", "/etc/pki", "/etc/pki/ca-trust", "/etc/pki/tls",
	"/etc/pki/tls/certs", "/etc/ssl", "/etc/ssl/certs", "/home", "/lib", "/lib32", "/lib64",
	"/lib/aarch64-linux-gnu", "/lib/x86_64-linux-gnu", "/root", "/sbin", "/usr", "/usr/bin", "/usr/include",
	"/usr/lib", "/usr/lib32", "/usr/lib64", "/usr/lib/aarch64-linux-gnu", "/usr/lib/x86_64-linux-gnu",
	"/usr/libexec", "/usr/local", "/usr/local/bin", "/usr/local/lib", "/usr/local/sbin", "/usr/sbin",
	"/usr/share", "/usr/share/ca-certificates", "/usr/share/zoneinfo", "/var", "/var/lib",
}

// emptyFolders are there too, mostly with nothing in them: a volume may hide them, a file cannot.
var emptyFolders = []string{"/media", "/mnt", "/opt", "/run", "/srv", "/tmp", "/var/cache", "/var/log", "/var/run", "/var/tmp"}

// occupied is a path of a container that something is mounted at.
type occupied struct {
	path string
	at   *problem.Path
	// file says that it is there for a file, whose source data is.
	file bool
	data *ref.Data
}

// validateMounts checks that what is mounted in the container neither hides another nor is hidden
// by it.
func (c Container) validateMounts(l *problem.List, at *problem.Path) {
	atPath := map[string]string{}
	var all []occupied
	for i, file := range c.Files {
		field := at.Child("Files").Index(i)
		if !file.validate(l, field) {
			continue
		}
		if first, twice := atPath[file.Path]; twice {
			l.Add(field.Child("Path"), file.Path,
				fmt.Sprintf("is already taken by %s; give each file a path of its own", first))
			continue
		}
		atPath[file.Path] = field.String()
		this := occupied{path: file.Path, at: field, file: true, data: file.From.data}
		if !file.alone() {
			this.path = file.folder()
			if hides := Hidden(this.path); hides != "" {
				l.Add(field.Child("Path"), file.Path,
					"would hide "+hides+": a file that is updated in place is mounted with its folder; use a folder of its own")
				continue
			}
		}
		all = this.validate(l, field.Child("Path"), file.Path, all)
	}
	add := func(field *problem.Path, folder string) {
		validateAbsolute(l, field, folder)
		hides := Hidden(folder)
		if !isCleanAbsolute(folder) {
			return
		}
		if hides != "" {
			l.Add(field, folder, "would hide "+hides+"; use a folder of its own")
			return
		}
		all = occupied{path: folder, at: field}.validate(l, field, folder, all)
	}
	for i, folder := range c.Scratch {
		add(at.Child("Scratch").Index(i), folder)
	}
	for i, mount := range c.Mounts {
		field := mount.at(at, i)
		add(field.Child("Path"), mount.Path)
		mount.validate(l, field)
	}
}

// Hidden says what a volume at the folder would hide that every image has, or the kernel's. It is
// empty for a folder that can be mounted over.
func Hidden(folder string) string {
	if folder == "/" {
		return "the whole image"
	}
	if slices.Contains(systemFolders, folder) {
		return "all that the image has in " + folder
	}
	if slices.ContainsFunc(kernelFolders,
		func(kernel string) bool { return within(folder, kernel) && folder != "/dev/shm" }) {
		return "what the kernel shows in " + folder
	}
	return ""
}

// validate checks the path against those before, and returns all of them.
func (o occupied) validate(l *problem.List, field *problem.Path, value string, before []occupied) []occupied {
	for _, other := range before {
		if o.agrees(other) {
			continue
		}
		if !o.file && !other.file {
			l.Add(field, value, fmt.Sprintf("is already taken by %s; give each a path of its own", other.at))
		} else {
			l.Add(field, value,
				fmt.Sprintf("is below or above what %s mounts, %s; use different folders", other.at,
					other.path))
		}
		break
	}
	return append(before, o)
}

// agrees reports whether both can be mounted. Nothing can be mounted within a file's own folder,
// which is read-only.
func (o occupied) agrees(other occupied) bool {
	switch {
	case o.file && other.file:
		sameFolder := o.path == other.path && o.data == other.data
		return sameFolder || !within(o.path, other.path) && !within(other.path, o.path)
	case o.file:
		return !within(other.path, o.path)
	case other.file:
		return !within(o.path, other.path)
	}
	return o.path != other.path
}

func (m Mount) validate(l *problem.List, at *problem.Path) {
	m.Volume.validate(l, at.Child("Volume"))
	if m.SubPath != "" {
		validateRelative(l, at.Child("SubPath"), m.SubPath)
	}
	if m.SubPathExpr != "" {
		validateRelative(l, at.Child("SubPathExpr"), m.SubPathExpr)
		if m.SubPath != "" {
			l.Add(at.Child("SubPathExpr"), m.SubPathExpr, "cannot stand beside SubPath; leave out one of them")
		}
	}
}

// volumes collects the volumes of a pod: those that containers mount, one for the files of a source
// that are mounted by themselves, and one for each folder of files.
type volumes struct {
	all []*volume
	// chosen are the names that somebody has chosen.
	chosen map[string]bool
}

// volumesOf are the volumes of these containers, before the first is mounted.
func volumesOf(containers []Container) *volumes {
	v := &volumes{chosen: map[string]bool{}}
	for _, c := range containers {
		for _, mount := range c.Mounts {
			if !mount.Volume.isNamedAfterSource() {
				v.chosen[mount.Volume.name] = true
			}
		}
	}
	return v
}

type volume struct {
	name string
	// of is the volume that it renders; items are those of a volume of files.
	of     Volume
	data   *ref.Data
	folder string
	items  []corev1.KeyToPath
}

// mount adds what the container mounts, and returns the mounts.
func (v *volumes) mount(c Container) []corev1.VolumeMount {
	var mounts []corev1.VolumeMount
	for _, file := range c.Files {
		data := file.From.data
		if data == nil {
			continue
		}
		item := corev1.KeyToPath{Key: file.From.key, Path: path.Base(file.Path), Mode: file.Mode}
		if file.alone() {
			// Under its key's own name, since two files of one volume may have the same base name.
			item.Path = file.From.key
			name, inVolume := v.addFile(data, "", item)
			mounts = append(mounts,
				corev1.VolumeMount{Name: name, MountPath: file.Path, SubPath: inVolume, ReadOnly: true})
			continue
		}
		name, _ := v.addFile(data, file.folder(), item)
		mounted := func(m corev1.VolumeMount) bool { return m.Name == name }
		if !slices.ContainsFunc(mounts, mounted) {
			mounts = append(mounts, corev1.VolumeMount{Name: name, MountPath: file.folder(), ReadOnly: true})
		}
	}
	for _, mount := range c.Mounts {
		if mount.Volume.source == nil {
			continue
		}
		mounts = append(mounts, corev1.VolumeMount{
			Name: v.add(mount.Volume), MountPath: mount.Path, ReadOnly: mount.ReadOnly,
			SubPath: mount.SubPath, SubPathExpr: expandable(mount.SubPathExpr),
		})
	}
	for _, folder := range c.Scratch {
		name := v.freeName("scratch" + strings.ReplaceAll(folder, "/", "-"))
		v.all = append(v.all, &volume{name: name, of: EmptyDir(name, EmptyDirOptions{})})
		mounts = append(mounts, corev1.VolumeMount{Name: name, MountPath: folder})
	}
	return mounts
}

// add returns the name of a volume in the pod. What is wrong with two of one chosen name, validate
// tells.
func (v *volumes) add(of Volume) string {
	for _, volume := range v.all {
		if volume.data == nil && volume.of.is(of) {
			return volume.name
		}
	}
	name := of.name
	if of.isNamedAfterSource() {
		name = v.freeName(name)
	}
	v.all = append(v.all, &volume{name: name, of: of})
	return name
}

// addFile puts the item into the volume for data and folder, and returns that volume's name and the
// item's path in it.
func (v *volumes) addFile(data *ref.Data, folder string, item corev1.KeyToPath) (name, inVolume string) {
	for _, volume := range v.all {
		if volume.data == data && volume.folder == folder {
			return volume.name, volume.add(item)
		}
	}
	volume := &volume{name: v.freeName(dataVolumeName(data)), data: data, folder: folder}
	v.all = append(v.all, volume)
	return volume.name, volume.add(item)
}

// add puts the item into the volume. One key may be wanted at several paths, and stands in the
// volume once for each mode that it is wanted with.
func (v *volume) add(item corev1.KeyToPath) (inVolume string) {
	base := item.Path
	for n := 2; ; n++ {
		i := slices.IndexFunc(v.items, func(other corev1.KeyToPath) bool { return other.Path == item.Path })
		switch {
		case i < 0:
			v.items = append(v.items, item)
			return item.Path
		case v.items[i].Key == item.Key && equalMode(v.items[i].Mode, item.Mode):
			return item.Path
		}
		item.Path = fmt.Sprintf("%s-%d", base, n)
	}
}

func equalMode(a, b *int32) bool {
	return a == b || a != nil && b != nil && *a == *b
}

// dataVolumeName makes the name of a volume of that of its source.
func dataVolumeName(data *ref.Data) string {
	return labelOf(strings.ToLower(data.Kind()) + "-" + data.Name())
}

// longestBase leaves room in a name for a number.
const longestBase = validation.DNS1123LabelMaxLength - len("-99")

// labelOf makes an RFC 1123 label of a name that may be longer, or a subdomain.
func labelOf(name string) string {
	name = strings.ReplaceAll(name, ".", "-")
	return strings.Trim(name[:min(len(name), longestBase)], "-")
}

// freeName makes a name that no volume has.
func (v *volumes) freeName(base string) string {
	base = labelOf(strings.ToLower(strings.Map(labelRune, base)))
	name := base
	for n := 2; v.isTaken(name); n++ {
		name = fmt.Sprintf("%s-%d", base, n)
	}
	return name
}

func (v *volumes) isTaken(name string) bool {
	return v.chosen[name] || slices.ContainsFunc(v.all, func(other *volume) bool { return other.name == name })
}

func labelRune(r rune) rune {
	if r == '-' || r == '.' || '0' <= r && r <= '9' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' {
		return r
	}
	return '-'
}

func (v *volumes) render() []corev1.Volume {
	var result []corev1.Volume
	for _, volume := range v.all {
		if volume.data != nil {
			result = append(result,
				corev1.Volume{Name: volume.name, VolumeSource: dataVolume(volume.data, volume.items)})
		} else if source := volume.of.source.render(); source != nil {
			result = append(result, corev1.Volume{Name: volume.name, VolumeSource: *source})
		}
	}
	return result
}

// placedMount is a Mount with the option that holds it.
type placedMount struct {
	Mount
	place *problem.Path
}

// validateVolumes checks that volumes of one name are the same, and that the claims that the
// workload has for its pods are asked for.
func validateVolumes(l *problem.List, mounts []placedMount, claims []string) {
	first := map[string]placedMount{}
	for _, mount := range mounts {
		volume, at := mount.Volume, mount.place.Child("Volume")
		if volume.source == nil || volume.isNamedAfterSource() {
			continue
		}
		_, ofTemplate := volume.source.(claimTemplate)
		switch isClaim := slices.Contains(claims, volume.name); {
		case ofTemplate && len(claims) == 0:
			l.Add(at, volume.name,
				"is storage that each pod of a StatefulSet has of its own, and this workload has no Claims; add it there, or use another volume")
			continue
		case ofTemplate && !isClaim:
			l.Add(at, volume.name, "is not one of the workload's Claims, "+problem.Or(claims)+"; add it there")
			continue
		case isClaim && !ofTemplate:
			l.Add(at.Child("Name"), volume.name,
				"is the name of one of the workload's Claims; give each its own, or mount ClaimTemplate")
			continue
		}
		if other, twice := first[volume.name]; !twice {
			first[volume.name] = mount
		} else if !other.Volume.is(volume) {
			l.Add(at.Child("Name"), volume.name,
				fmt.Sprintf("is the name of another volume, that of %s; give each its own", other.place))
		}
	}
}
