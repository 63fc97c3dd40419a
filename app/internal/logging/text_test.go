package logging_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/crossoverJie/k8s-combat/app/internal/logging"
)

func TestText(t *testing.T) {
	long := strings.Repeat("é", 128)
	for in, want := range map[string]string{
		"":               "",
		"/ping":          "/ping",
		"/\xff\xfe/a":    "/\uFFFD/a",
		long:             long,
		long + "é":       long,
		"a" + long + "é": "a" + long[:254] + "\uFFFD",
	} {
		assert.Equal(t, want, logging.Text(in))
	}
}
