package traffic

import (
	"encoding/json"
	"fmt"
	"io"

	"github.com/cdk8s-team/cdk8s-core-go/cdk8s/v2"

	"github.com/crossoverJie/k8s-combat/imports/tree"
	"github.com/crossoverJie/k8s-combat/infra/traffic/engine"
)

// What a model is made of and gives is the engine's.
type (
	// Model is a set of objects that can be asked where a request goes.
	Model = engine.Model
	// Object is an object of the set.
	Object = engine.Object
	// Options of a model.
	Options = engine.Options
	// Request is what is asked.
	Request = engine.Request
	// Header is a header of a request.
	Header = engine.Header
	// Explanation is the way that a request takes.
	Explanation = engine.Explanation
	// Share is a destination, and of 100 requests how many it gets.
	Share = engine.Share
)

// New makes a model of a set of objects.
func New(objects []Object, options Options) *Model { return engine.New(objects, options) }

// Charts are the objects of charts, of either tree, as they would be written. It is an error if a chart cannot be
// rendered.
func Charts(charts ...cdk8s.Chart) ([]Object, error) {
	var objects []Object
	for _, chart := range charts {
		rendered, err := tree.Render(chart)
		if err != nil {
			return nil, fmt.Errorf("chart %s: %w", *chart.Node().Path(), err)
		}
		// What a chart renders may have values of Go's own types.
		text, err := json.Marshal(rendered)
		if err != nil {
			return nil, fmt.Errorf("chart %s: %w", *chart.Node().Path(), err)
		}
		var contents []map[string]any
		if err := json.Unmarshal(text, &contents); err != nil {
			return nil, fmt.Errorf("chart %s: %w", *chart.Node().Path(), err)
		}
		for _, content := range contents {
			objects = append(objects, Object{Content: content, Place: "[" + *chart.Node().Path() + "]"})
		}
	}
	return objects, nil
}

// WriteJSON writes an explanation for a program. Times are in nanoseconds.
func WriteJSON(w io.Writer, explanation *Explanation) error {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(explanation)
}
