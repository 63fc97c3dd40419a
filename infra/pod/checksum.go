package pod

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"

	"github.com/crossoverJie/k8s-combat/infra/internal/ref"
)

// Checksum digests the configuration that the pods cannot take in while they run. It returns the
// empty string where there is none.
func (props Props) Checksum() string {
	entries := map[string]bool{}
	for _, c := range props.containers() {
		c.digested(entries)
	}
	if len(entries) == 0 {
		return ""
	}
	digest := sha256.New()
	for _, entry := range slices.Sorted(maps.Keys(entries)) {
		digest.Write([]byte(entry))
	}
	return hex.EncodeToString(digest.Sum(nil))
}

func (c Container) digested(entries map[string]bool) {
	add := func(data *ref.Data, key string) {
		if data.Checksummed == nil {
			return
		}
		if value, ok := data.Checksummed(key); ok {
			entries[fmt.Sprintf("%s %s\n%q\n%q\n", data.Kind(), data.Name(), key, value)] = true
		}
	}
	// The files that are reloaded do not count, even where all keys are environment variables too.
	reloaded := func(data *ref.Data, key string) bool {
		return data.Reloads && slices.ContainsFunc(c.Files,
			func(f File) bool { return f.From == KeyRef{data, key} })
	}
	for _, variable := range c.Env {
		if key, ok := variable.source().(KeyRef); ok && key.data != nil {
			add(key.data, key.key)
		}
	}
	for _, from := range c.EnvFrom {
		data := dataOf(from.Source)
		if data == nil {
			continue
		}
		for _, key := range data.Keys {
			if !reloaded(data, key) {
				add(data, key)
			}
		}
	}
	for _, file := range c.Files {
		if file.From.data != nil && file.alone() {
			add(file.From.data, file.From.key)
		}
	}
	for _, mount := range c.Mounts {
		source, ok := mount.Volume.source.(allKeys)
		// The kubelet does not update what is mounted by its SubPath.
		updated := mount.SubPath == "" && mount.SubPathExpr == ""
		if !ok || source.data == nil || source.data.Reloads && updated {
			continue
		}
		for _, key := range source.data.Keys {
			add(source.data, key)
		}
	}
}
