package config

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func FuzzParseFile(f *testing.F) {
	for _, seed := range []string{
		"name: k8s-combat\npulsar:\n  url: \"pulsar://localhost:6650\"\n  token: \"abc\"\n",
		"pulsar: *x", "a: &a [*a]", "name: [", "- a", "\xff", "name: !!binary aGk=", "name: 1e400", "{\"name\": \"\\ud800\"}",
		"a: &a [x, x]\nb: &b [*a, *a]\nname: *b", "<<: {name: x}", "name: ~\npulsar: ~", "--- \n---\nname: two",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		file, err := parseFile("app.yaml", content)
		assert.NotEmpty(t, file.Name)
		if err != nil {
			assert.Equal(t, DefaultFile(), file, "no half-read file")
		}
	})
}
