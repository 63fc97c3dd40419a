// Package build says what was built. The linker sets it:
// -ldflags="-X github.com/crossoverJie/k8s-combat/app/internal/build.Version=v1".
package build

// Version and Revision name the release and the commit.
var (
	Version  = "dev"
	Revision = "unknown"
)
