package trafficmap

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/dop251/goja"
)

// SVG draws the map, light or dark as its reader's system is.
func (m *Map) SVG() ([]byte, error) {
	drawing, err := m.scene()
	if err != nil {
		return nil, err
	}
	const margin = 16
	var out bytes.Buffer
	width, height := drawing.Width+2*margin, drawing.Height+2*margin
	_, _ = fmt.Fprintf(&out, `<svg xmlns="http://www.w3.org/2000/svg" class="map" role="img" aria-label="Traffic map" width="%s" height="%s" viewBox="-%d -%d %[1]s %[2]s">`,
		number(width), number(height), margin, margin)
	_, _ = fmt.Fprintf(&out, "\n<style>svg.map { color-scheme: light dark; %s }\n@media (prefers-color-scheme: dark) { svg.map { %s } }\n%s</style>\n", lightTheme, darkTheme, sceneStyle)
	_, _ = fmt.Fprintf(&out, "<rect x=\"-%d\" y=\"-%[1]d\" width=\"%s\" height=\"%s\" fill=\"var(--page)\"/>\n", margin, number(width), number(height))
	for _, tree := range drawing.Tree {
		if err := writeElement(&out, tree); err != nil {
			return nil, err
		}
		_ = out.WriteByte('\n')
	}
	_, _ = out.WriteString("</svg>\n")
	return out.Bytes(), nil
}

func number(value float64) string { return strconv.FormatFloat(value, 'f', -1, 64) }

// drawing is what the script of the scene returns.
type drawing struct {
	Width, Height float64
	Tree          []any
}

// cloning is what dagre takes from browsers and goja does not have. It clones options of a layout, which are plain.
const cloning = `var structuredClone = (value) => value === undefined ? undefined : JSON.parse(JSON.stringify(value));`

// scene runs the script that lays out and draws the map.
func (m *Map) scene() (*drawing, error) {
	vm := goja.New()
	if _, err := vm.RunString(cloning); err != nil {
		return nil, err
	}
	if _, err := vm.RunScript("dagre.js", dagreScript); err != nil {
		return nil, err
	}
	if _, err := vm.RunScript("scene.js", sceneScript); err != nil {
		return nil, err
	}
	// The script reads what the page's reads: JSON.
	sets, err := json.Marshal(m.sets)
	if err != nil {
		return nil, err
	}
	if err := vm.Set("input", string(sets)); err != nil {
		return nil, err
	}
	result, err := vm.RunString(`JSON.stringify((({ width, height, tree }) => ({ width, height, tree }))(trafficScene.draw(JSON.parse(input), [], { ratio: 1.5 })))`)
	if err != nil {
		return nil, err
	}
	d := &drawing{}
	return d, json.Unmarshal([]byte(result.String()), d)
}

var errDrawing = errors.New("the drawing is malformed")

// outOfPictures are attributes that are for the page.
var outOfPictures = []string{"tabindex", "data-key", "data-edge", "data-set", "data-row", "role", "aria-label"}

func writeElement(out *bytes.Buffer, tree any) error {
	if text, ok := tree.(string); ok {
		return xml.EscapeText(out, []byte(text))
	}
	parts, ok := tree.([]any)
	if !ok || len(parts) < 2 {
		return errDrawing
	}
	tag, isTag := parts[0].(string)
	attributes, isMap := parts[1].(map[string]any)
	if !isTag || !isMap {
		return errDrawing
	}
	_, _ = out.WriteString("<" + tag)
	for _, name := range slices.Sorted(maps.Keys(attributes)) {
		if slices.Contains(outOfPictures, name) {
			continue
		}
		_, _ = out.WriteString(" " + name + `="`)
		if err := xml.EscapeText(out, []byte(fmt.Sprint(attributes[name]))); err != nil {
			return err
		}
		_ = out.WriteByte('"')
	}
	_ = out.WriteByte('>')
	for _, child := range parts[2:] {
		if err := writeElement(out, child); err != nil {
			return err
		}
	}
	_, _ = out.WriteString("</" + tag + ">")
	return nil
}
