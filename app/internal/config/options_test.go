package config

import (
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

// A name that fits this is set by Kubernetes in every pod whose namespace has a
// Service of that name.
var serviceVariable = regexp.MustCompile(`_(PORT|HOST|ADDR|PROTO)$`)

func TestOptionNames(t *testing.T) {
	seen := map[string]bool{}
	for _, o := range options() {
		assert.Equal(t, strings.ReplaceAll(strings.ToUpper(o.flag), "-", "_"), o.env)
		assert.NotRegexp(t, serviceVariable, o.env)
		assert.NotEmpty(t, o.help, o.flag)
		assert.False(t, seen[o.flag], "%s twice", o.flag)
		seen[o.flag] = true
	}
}
