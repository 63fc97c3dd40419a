package infra

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
)

// checksumAnnotation is put on a pod template, so that a change of configuration is a change of the template, which
// rolls the pods. The name is the one that Helm's documentation made common.
const checksumAnnotation = "checksum/config"

// checksum digests the configuration that a pod cannot take in while it runs. It returns the empty string where there
// is none.
func checksum(env []EnvVar, envFrom []EnvFrom, files []File) string {
	// The files that are reloaded do not count, even where all keys are environment variables too.
	reloaded := func(source KeySource, key string) bool {
		return source.reloads() && slices.ContainsFunc(files, func(f File) bool { return f.From == KeyRef{source, key} })
	}
	entries := map[string]bool{}
	add := func(source KeySource, key string) {
		if value, ok := source.checksummed(key); ok {
			entries[fmt.Sprintf("%s %s\n%q\n%q\n", source.kind(), source.Name(), key, value)] = true
		}
	}
	for _, variable := range env {
		if variable.ValueFrom.source != nil {
			add(variable.ValueFrom.source, variable.ValueFrom.key)
		}
	}
	for _, from := range envFrom {
		if isNil(from.Source) {
			continue
		}
		for _, key := range from.Source.keyNames() {
			if !reloaded(from.Source, key) {
				add(from.Source, key)
			}
		}
	}
	for _, file := range files {
		if file.From.source != nil && file.alone() {
			add(file.From.source, file.From.key)
		}
	}
	if len(entries) == 0 {
		return ""
	}
	digest := sha256.New()
	for _, e := range sortedKeys(entries) {
		digest.Write([]byte(e))
	}
	return hex.EncodeToString(digest.Sum(nil))
}
