// Command empty imports what command combat imports and does nothing. What it costs is the price of the imports.
package main

import (
	_ "github.com/spf13/cobra"

	"github.com/crossoverJie/k8s-combat/imports/tree"
	_ "github.com/crossoverJie/k8s-combat/imports/tree/native"
	_ "github.com/crossoverJie/k8s-combat/infra/chapters"
)

func main() {
	tree.Close()
}
