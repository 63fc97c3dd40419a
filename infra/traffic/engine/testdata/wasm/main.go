// Command wasm is the least that asks the engine in a browser: its size is measured.
package main

import (
	"syscall/js"

	"github.com/crossoverJie/k8s-combat/infra/traffic/engine"
)

func main() {
	js.Global().Set("explain", js.FuncOf(func(_ js.Value, args []js.Value) any {
		content := map[string]any{"kind": args[0].String()}
		e, err := engine.New([]engine.Object{{Content: content}}, engine.Options{}).Explain(engine.Request{Host: args[1].String()})
		if err != nil {
			return err.Error()
		}
		return e.String()
	}))
	select {}
}
