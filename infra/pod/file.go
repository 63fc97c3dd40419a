package pod

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/crossoverJie/k8s-combat/infra/internal/problem"
)

// File is a file in a container, its content a key of a Config or of Credentials.
//
// A key of a Config that restarts its pods is mounted by itself (subPath), and may stand in a
// folder of the image. A key of a Config that reloads, or of Credentials, is mounted with its
// folder, so that the kubelet can update it; the folder hides what the image has there, so one that
// every image has, such as /etc, is an error.
type File struct {
	// Path of the file, absolute and clean, not below /proc, /sys or /dev. Two files of one path,
	// or one that hides another, are an error. Required.
	Path string
	// From is the key that holds the content. Required.
	From KeyRef
	// Mode are the file's permission bits, 0 to 0777. Defaults to Kubernetes' 0644.
	Mode *int32
}

func (f File) folder() string { return path.Dir(f.Path) }

// alone reports whether the file is mounted by itself.
func (f File) alone() bool { return !f.From.data.Reloads }

// kernelFolders are mounted by the container runtime.
var kernelFolders = []string{"/proc", "/sys", "/dev"}

// within reports whether inner is outer or below it.
func within(inner, outer string) bool {
	return inner == outer || strings.HasPrefix(inner, strings.TrimSuffix(outer, "/")+"/")
}

const filePathRule = "is not a clean absolute path of a file; use for example \"/etc/app/app.yaml\", without ':', its name not beginning with '..'"

func (f File) validate(l *problem.List, at *problem.Path) (ok bool) {
	f.From.Validate(l, at.Child("From"))
	if f.Mode != nil && (*f.Mode < 0 || *f.Mode > 0o777) {
		l.Add(at.Child("Mode"), fmt.Sprintf("%#o", *f.Mode), "is not a file mode; use 0 to 0777")
	}
	if !isCleanAbsolute(f.Path) || f.Path == "/" || strings.HasPrefix(path.Base(f.Path), "..") {
		l.Add(at.Child("Path"), f.Path, filePathRule)
		return false
	}
	if slices.Contains(systemFolders, f.Path) || slices.Contains(emptyFolders, f.Path) {
		l.Add(at.Child("Path"), f.Path, "is a folder in every image, which no file can be mounted over; name a file in it")
		return false
	}
	for _, folder := range kernelFolders {
		if within(f.Path, folder) {
			l.Add(at.Child("Path"), f.Path,
				"is in a folder of the kernel's, where nothing can be mounted; use for example \"/etc/app/app.yaml\"")
			return false
		}
	}
	return f.From.data != nil
}

func isCleanAbsolute(name string) bool {
	return path.IsAbs(name) && path.Clean(name) == name && !strings.Contains(name, ":")
}

func validateAbsolute(l *problem.List, at *problem.Path, name string) {
	if !isCleanAbsolute(name) {
		l.Add(at, name, "is not a clean absolute path; use for example \"/var/lib/app\", without ':'")
	}
}
