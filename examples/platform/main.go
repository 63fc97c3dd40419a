// Command platform writes the manifests of a small platform to dist: a shop, its database and what keeps both in order. It is
// a module of its own, as a user's program would be, and needs no Patch.
package main

import (
	"fmt"
	"os"

	"github.com/crossoverJie/k8s-combat/imports/tree"
	"github.com/crossoverJie/k8s-combat/imports/tree/native"
)

func main() {
	defer tree.Close()
	app := native.NewApp(nil)
	newPlatform(app)
	if err := tree.Synth(app); err != nil {
		fmt.Fprintln(os.Stderr, err)
		tree.Close()
		os.Exit(1)
	}
}
