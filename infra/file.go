package infra

import (
	"fmt"
	"path"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/crossoverJie/k8s-combat/infra/internal/problem"
)

// File is a file in a container, its content a key of a Config or of Credentials.
//
// A key of a Config that restarts its pods is mounted by itself (subPath), and may stand in a folder of the image. A key
// of a Config that reloads, or of Credentials, is mounted with its folder, so that the kubelet can update it; the folder
// hides what the image has there.
type File struct {
	// Path of the file, absolute and clean, not below /proc, /sys or /dev. Two files of one path, or one that hides
	// another, are an error. Required.
	Path string
	// From is the key that holds the content. Required.
	From KeyRef
	// Mode are the file's permission bits, 0 to 0777. Defaults to Kubernetes' 0644.
	Mode *int32
}

func (f File) folder() string { return path.Dir(f.Path) }

// alone tells whether the file is mounted by itself.
func (f File) alone() bool { return !f.From.source.reloads() }

// kernelFolders are mounted by the container runtime.
var kernelFolders = []string{"/proc", "/sys", "/dev"}

func validateFiles(p *problem.List, field *problem.Path, files []File) {
	atPath := map[string]int{}
	var mounts []mount
	for i, file := range files {
		at := field.Index(i)
		if file.From.source == nil {
			p.Missing(at.Child("From"), "give the Key of a *Config or of *Credentials")
		} else {
			file.From.validate(p, at.Child("From"))
		}
		if file.Mode != nil && (*file.Mode < 0 || *file.Mode > 0o777) {
			p.Add(at.Child("Mode"), fmt.Sprintf("%#o", *file.Mode), "is not a file mode; use 0 to 0777")
		}
		if !path.IsAbs(file.Path) || path.Clean(file.Path) != file.Path || file.Path == "/" || strings.Contains(file.Path, ":") ||
			strings.HasPrefix(path.Base(file.Path), "..") {
			p.Add(at.Child("Path"), file.Path, "is not a clean absolute path of a file; use for example \"/etc/app/app.yaml\", without ':', its name not beginning with '..'")
			continue
		}
		if slices.ContainsFunc(kernelFolders, func(folder string) bool { return within(file.Path, folder) }) {
			p.Add(at.Child("Path"), file.Path, "is in a folder of the kernel's, where nothing can be mounted; use for example \"/etc/app/app.yaml\"")
			continue
		}
		if j, twice := atPath[file.Path]; twice {
			p.Add(at.Child("Path"), file.Path, fmt.Sprintf("is already taken by %s; give each file a path of its own", field.Index(j)))
			continue
		}
		atPath[file.Path] = i
		if file.From.source == nil {
			continue
		}
		mounts = validateMount(p, at, file, mounts)
	}
}

// mount is a path of the container that a file occupies: its own, or its folder.
type mount struct {
	path   string
	source KeySource
	at     string
}

// validateMount checks that the file's mount neither hides another nor is hidden by it.
func validateMount(p *problem.List, at *problem.Path, file File, mounts []mount) []mount {
	this := mount{file.Path, file.From.source, at.String()}
	if !file.alone() {
		this.path = file.folder()
		if this.path == "/" {
			p.Add(at.Child("Path"), file.Path, "would hide the whole image: a file that is updated in place is mounted with its folder; use a folder of its own")
			return mounts
		}
	}
	for _, other := range mounts {
		sameFolder := this.path == other.path && this.source == other.source
		if !sameFolder && (within(this.path, other.path) || within(other.path, this.path)) {
			p.Add(at.Child("Path"), file.Path, fmt.Sprintf("is below or above what %s mounts, %s; use different folders", other.at, other.path))
			break
		}
	}
	return append(mounts, this)
}

// within tells whether inner is outer or below it.
func within(inner, outer string) bool {
	return inner == outer || strings.HasPrefix(inner, outer+"/")
}

// renderFiles makes the volumes that hold the files, and their mounts.
func renderFiles(files []File) ([]corev1.Volume, []corev1.VolumeMount) {
	var volumes volumeSet
	var mounts []corev1.VolumeMount
	for _, file := range files {
		source := file.From.source
		if source == nil {
			continue
		}
		item := corev1.KeyToPath{Key: file.From.key, Path: path.Base(file.Path), Mode: file.Mode}
		if file.alone() {
			// Under its key's own name, since two files of one volume may have the same base name.
			item.Path = file.From.key
			name, inVolume := volumes.add(source, "", item)
			mounts = append(mounts, corev1.VolumeMount{Name: name, MountPath: file.Path, SubPath: inVolume, ReadOnly: true})
			continue
		}
		name, _ := volumes.add(source, file.folder(), item)
		mounted := func(m corev1.VolumeMount) bool { return m.Name == name }
		if !slices.ContainsFunc(mounts, mounted) {
			mounts = append(mounts, corev1.VolumeMount{Name: name, MountPath: file.folder(), ReadOnly: true})
		}
	}
	return volumes.render(), mounts
}

// volumeSet collects the volumes of a pod: one for the files of a source that are mounted by themselves, and one for
// each folder.
type volumeSet []*fileVolume

type fileVolume struct {
	name   string
	source KeySource
	folder string
	items  []corev1.KeyToPath
}

// add puts the item into the volume for source and folder, and returns that volume's name and the item's path in it.
func (s *volumeSet) add(source KeySource, folder string, item corev1.KeyToPath) (name, inVolume string) {
	for _, volume := range *s {
		if volume.source == source && volume.folder == folder {
			return volume.name, volume.add(item)
		}
	}
	volume := &fileVolume{name: s.freeName(source), source: source, folder: folder}
	*s = append(*s, volume)
	return volume.name, volume.add(item)
}

// add puts the item into the volume. One key may be wanted at several paths, and stands in the volume once for each
// mode that it is wanted with.
func (v *fileVolume) add(item corev1.KeyToPath) (inVolume string) {
	base := item.Path
	for n := 2; ; n++ {
		i := slices.IndexFunc(v.items, func(other corev1.KeyToPath) bool { return other.Path == item.Path })
		switch {
		case i < 0:
			v.items = append(v.items, item)
			return item.Path
		case equalMode(v.items[i].Mode, item.Mode):
			return item.Path
		}
		item.Path = fmt.Sprintf("%s-%d", base, n)
	}
}

func equalMode(a, b *int32) bool {
	return a == b || a != nil && b != nil && *a == *b
}

// freeName makes a volume's name, an RFC 1123 label, of the source's, a subdomain.
func (s *volumeSet) freeName(source KeySource) string {
	// Leaves room for a number.
	const longest = validation.DNS1123LabelMaxLength - len("-99")
	base := strings.ToLower(source.kind()) + "-" + strings.ReplaceAll(source.Name(), ".", "-")
	base = strings.TrimRight(base[:min(len(base), longest)], "-")
	name := base
	for n := 2; slices.ContainsFunc(*s, func(v *fileVolume) bool { return v.name == name }); n++ {
		name = fmt.Sprintf("%s-%d", base, n)
	}
	return name
}

func (s *volumeSet) render() []corev1.Volume {
	var result []corev1.Volume
	for _, volume := range *s {
		result = append(result, corev1.Volume{Name: volume.name, VolumeSource: volume.source.volume(volume.items)})
	}
	return result
}
