package native

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/crossoverJie/k8s-combat/imports/tree"
)

const (
	// maxLabel is the length of a DNS label, and of the value of a label.
	maxLabel = 63
	hashSize = 8
)

// dnsLabel makes a name for a construct out of its path and, unless told not to, a hash of it.
func dnsLabel(n *node, maxLength int, withHash bool) string {
	if isDNSName(n.path) && len(n.path) <= maxLength {
		return n.path
	}
	parts := strings.Split(n.path, "/")
	return joinName(n, dnsParts(parts, maxLength), "-", maxLength, withHash)
}

// DNSLabel is what tree.DNSLabel asks for.
func (h handle) DNSLabel(options tree.NameOptions) (string, error) {
	options = nameDefaults(options)
	if options.MaxLength < hashSize && !options.WithoutHash {
		return "", fmt.Errorf("minimum max length for object names is %d (required for hash)", hashSize)
	}
	path := h[0].path
	if len(options.Extra) == 0 && isDNSName(path) && len(path) <= options.MaxLength {
		return path, nil
	}
	parts := append(strings.Split(path, "/"), options.Extra...)
	return joinName(h[0], dnsParts(parts, options.MaxLength), options.Delimiter, options.MaxLength, !options.WithoutHash), nil
}

// LabelValue is what tree.LabelValue asks for.
func (h handle) LabelValue(options tree.NameOptions) (string, error) {
	options = nameDefaults(options)
	if options.MaxLength < hashSize && !options.WithoutHash {
		return "", fmt.Errorf("minimum max length for label is %d (required for hash)", hashSize)
	}
	if keepFileNameCharacters(options.Delimiter) != options.Delimiter {
		return "", errors.New(`delim should not contain "[^0-9a-zA-Z-_.]"`)
	}
	path := h[0].path
	if len(options.Extra) == 0 && isLabelValue(path) && len(path) <= options.MaxLength {
		return path, nil
	}
	parts := append(strings.Split(path, "/"), options.Extra...)
	for i, part := range parts {
		parts[i] = cut(keepFileNameCharacters(part), options.MaxLength)
	}
	value := joinName(h[0], parts, options.Delimiter, options.MaxLength, !options.WithoutHash)
	return strings.TrimLeft(value, labelPunctuation), nil
}

func nameDefaults(options tree.NameOptions) tree.NameOptions {
	options.Delimiter = cmp.Or(options.Delimiter, "-")
	options.MaxLength = cmp.Or(options.MaxLength, maxLabel)
	return options
}

// labelPunctuation may stand in the value of a label, but not at its ends.
const labelPunctuation = "-_."

func isLabelValue(s string) bool {
	return keepFileNameCharacters(s) == s && strings.Trim(s, labelPunctuation) == s
}

func dnsParts(parts []string, maxLength int) []string {
	for i, part := range parts {
		parts[i] = cut(keepFileNameCharacters(strings.ToLower(part)), maxLength)
	}
	return parts
}

// joinName makes a name of parts. Where it would be too long, the outermost ids are left out first: the innermost ones
// say more.
func joinName(n *node, parts []string, delimiter string, maxLength int, withHash bool) string {
	if withHash {
		parts = append(parts, pathHash(n))
	}
	parts = slices.Compact(parts)
	slices.Reverse(parts)
	parts = strings.Split(cut(strings.Join(parts, "/"), maxLength), "/")
	slices.Reverse(parts)
	parts = slices.DeleteFunc(parts, isEmpty)
	// A part may itself have delimiters, so split by these before leaving out what says nothing.
	parts = strings.Split(strings.Join(parts, delimiter), delimiter)
	parts = slices.DeleteFunc(parts, func(part string) bool {
		return isEmpty(part) || strings.EqualFold(part, "resource") || strings.EqualFold(part, "default")
	})
	return strings.Join(parts, delimiter)
}

func isEmpty(part string) bool { return part == "" }

func cut(s string, maxLength int) string { return s[:min(len(s), max(maxLength, 0))] }

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
