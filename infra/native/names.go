package native

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"slices"
	"strings"
)

const (
	// maxLabel is the length of a DNS label.
	maxLabel = 63
	hashSize = 8
)

// dnsLabel makes a name for a construct out of its path and, unless told not to, a hash of it. Where the name would be
// too long, the outermost ids are left out first: the innermost ones say more.
func dnsLabel(n *node, maxLength int, withHash bool) string {
	parts := strings.Split(n.path, "/")
	if len(parts) == 1 && len(n.path) <= maxLength && isDNSName(n.path) {
		return n.path
	}
	for i, part := range parts {
		part = keepFileNameCharacters(strings.ToLower(part))
		parts[i] = part[:min(len(part), maxLength)]
	}
	if withHash {
		parts = append(parts, pathHash(n))
	}
	parts = slices.Compact(parts)
	slices.Reverse(parts)
	name := strings.Join(parts, "/")
	parts = strings.Split(name[:min(len(name), maxLength)], "/")
	slices.Reverse(parts)
	// An id may itself have dashes, so split by these before leaving out what says nothing.
	parts = strings.FieldsFunc(strings.Join(parts, "-"), func(r rune) bool { return r == '-' })
	parts = slices.DeleteFunc(parts, func(part string) bool { return part == "resource" || part == "default" })
	return strings.Join(parts, "-")
}

func isDNSName(s string) bool {
	return s != "" && strings.Trim(s, "0123456789abcdefghijklmnopqrstuvwxyz-") == ""
}

// keepFileNameCharacters leaves out all but letters and digits of ASCII, dashes, underscores and dots.
func keepFileNameCharacters(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '-', r == '_', r == '.':
			return r
		}
		return -1
	}, s)
}

func pathHash(n *node) string {
	if os.Getenv("CDK8S_LEGACY_HASH") != "" {
		hash := sha256.Sum256([]byte(n.path))
		return hex.EncodeToString(hash[:])[:hashSize]
	}
	return n.addr()[:hashSize]
}
