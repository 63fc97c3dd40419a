package check

import (
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// lineOf returns the line of a field of the object that begins at a line, or of the closest field around it. The document
// is read once more: few have findings, and the nodes of all would be many times their text. Zero where it is not known.
func (d *document) lineOf(objectLine int, path string) int {
	roots, err := d.nodes()
	if err != nil {
		return 0
	}
	for _, root := range roots {
		node := root
		if d.line-1+root.Line != objectLine {
			node = d.item(root, objectLine)
		}
		if node == nil {
			continue
		}
		return d.line - 1 + descend(node, splitPath(path))
	}
	return 0
}

func (d *document) item(root *yaml.Node, line int) *yaml.Node {
	items := root
	if root.Kind == yaml.MappingNode {
		items = child(root, "items")
	}
	if items == nil || items.Kind != yaml.SequenceNode {
		return nil
	}
	for _, item := range items.Content {
		if d.line-1+item.Line == line {
			return item
		}
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
