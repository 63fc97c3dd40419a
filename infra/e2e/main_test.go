package e2e

import (
	"os"
	"testing"

	"github.com/crossoverJie/k8s-combat/imports/tree"
)

func TestMain(m *testing.M) {
	code := m.Run()
	tree.Close()
	os.Exit(code)
}
