package check

import (
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// lineFinder finds the lines of fields. A document is read once more for them: few have findings, and the nodes of all would
// be many times their text. Those of the last document are kept, since findings come in the order of the objects.
type lineFinder struct {
	document *document
	roots    []*yaml.Node
}

// place is the place of a field of the object that stands at a place, or of the closest field around it that is written.
func (f *lineFinder) place(p Place, path string) Place {
	if d := p.lines; d != nil {
		if f.document != d {
			f.document = d
			// What cannot be read as YAML, such as JSON with tabs, has the line of its object.
			f.roots, _ = d.nodes()
		}
		for _, root := range f.roots {
			if node := d.object(root, p); node != nil {
				p.Line = d.line - 1 + descend(node, splitPath(path))
				break
			}
		}
	}
	p.lines, p.item = nil, 0
	return p
}

// object is the node of the object that stands at a place, or nil where it is below another root.
func (d *document) object(root *yaml.Node, p Place) *yaml.Node {
	if p.item == 0 {
		if d.line-1+root.Line == p.Line {
			return root
		}
		return nil
	}
	items := itemsOf(root)
	if p.item > len(items) || d.line-1+root.Line > p.Line {
		return nil
	}
	if item := items[p.item-1]; d.line-1+item.Line == p.Line || d.json {
		return item
	}
	return nil
}

// descend follows a path as far as it is written and returns the line there.
func descend(node *yaml.Node, path []string) int {
	line := node.Line
	for _, step := range path {
		for node.Kind == yaml.AliasNode {
			node = node.Alias
		}
		var next *yaml.Node
		switch node.Kind {
		case yaml.SequenceNode:
			if i, err := strconv.Atoi(step); err == nil && i >= 0 && i < len(node.Content) {
				next = node.Content[i]
				line = next.Line
			}
		case yaml.MappingNode:
			for i := 0; i+1 < len(node.Content); i += 2 {
				if node.Content[i].Value == step {
					line, next = node.Content[i].Line, node.Content[i+1]
				}
			}
		}
		if next == nil {
			return line
		}
		node = next
	}
	return line
}

// splitPath takes a path apart: spec.ports[0].name, data[a.b]. A name may have brackets of its own, which then are not
// followed.
func splitPath(path string) []string {
	var steps []string
	for path != "" {
		if path[0] == '[' {
			if end := strings.IndexByte(path, ']'); end > 0 {
				steps = append(steps, strings.Trim(path[1:end], `"`))
				path = strings.TrimPrefix(path[end+1:], ".")
				continue
			}
		}
		// Each turn takes at least one byte.
		end := 1 + strings.IndexAny(path[1:], ".[")
		if end == 0 {
			return append(steps, path)
		}
		steps = append(steps, path[:end])
		path = strings.TrimPrefix(path[end:], ".")
	}
	return steps
}
