package check_test

import (
	"bytes"
	"testing"
	"time"

	"github.com/crossoverJie/k8s-combat/infra/check"
)

// FuzzCheck reads and checks whatever there is: nothing may panic, and nothing may take long.
func FuzzCheck(f *testing.F) {
	for _, rule := range check.Rules() {
		f.Add([]byte(rule.Wrong))
		f.Add([]byte(rule.Right))
	}
	f.Add([]byte("a: &a [*a]"))
	f.Add([]byte(`{"kind": "List", "items": [null]}`))
	f.Fuzz(func(t *testing.T, input []byte) {
		if len(input) > 64<<10 {
			t.Skip("more of the same takes longer")
		}
		start := time.Now()
		defer func() {
			// A machine with more to do is slow, too.
			if took := time.Since(start); took > 20*time.Second {
				t.Fatalf("%d bytes take %v", len(input), took)
			}
		}()
		objects, err := check.Read(bytes.NewReader(input), check.Stdin)
		if err != nil {
			return
		}
		findings := check.Objects(objects, check.Options{Strict: true})
		findings = append(findings, check.Against(objects, objects, check.Options{})...)
		for _, format := range check.Formats() {
			if err := check.Write(&bytes.Buffer{}, format, findings); err != nil {
				t.Fatal(err)
			}
		}
	})
}
