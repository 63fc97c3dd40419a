package trafficmap

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/crossoverJie/k8s-combat/infra/traffic/engine"
)

// shapes of nodes in Mermaid.
var shapes = map[engine.NodeKind][2]string{
	engine.GatewayNode: {"([", "])"}, engine.HostNode: {"[/", "/]"}, engine.RuleNode: {"{{", "}}"},
	engine.ServiceNode: {"[", "]"}, engine.AnswerNode: {"(", ")"}, engine.MissingNode: {">", "]"}, engine.WorkloadNode: {"[[", "]]"},
}

// Mermaid writes the map as a flowchart. A subset is a node of its own there, after its Service.
func (m *Map) Mermaid() []byte {
	var out bytes.Buffer
	_, _ = out.WriteString("flowchart LR\n")
	for number, set := range m.sets {
		indent := "  "
		if len(m.sets) > 1 {
			_, _ = fmt.Fprintf(&out, "  subgraph s%d [%s]\n", number, mermaidText(set.Name))
			indent = "    "
		}
		ids := map[string]string{}
		rows := map[string]string{}
		for i, n := range set.Graph.Nodes {
			name := fmt.Sprintf("s%dn%d", number, i)
			ids[n.Key] = name
			shape := shapes[n.Kind]
			label := n.Title
			if n.Text != "" {
				label += "\n" + n.Text
			}
			_, _ = fmt.Fprintf(&out, "%s%s%s%s%s:::%s\n", indent, name, shape[0], mermaidText(label), shape[1], n.Kind)
			for r, row := range n.Rows {
				rows[n.Key+"\x00"+row.Name] = fmt.Sprintf("%sr%d", name, r)
				kind := "subset"
				if row.Missing {
					kind = "missing"
				}
				_, _ = fmt.Fprintf(&out, "%s%sr%d[%s]:::%s\n%[1]s%[2]s -.- %[2]sr%[3]d\n", indent, name, r, mermaidText("subset "+row.Name), kind)
			}
		}
		end := func(key, row string) string {
			if id, ok := rows[key+"\x00"+row]; ok && row != "" {
				return id
			}
			return ids[key]
		}
		for _, e := range set.Graph.Edges {
			arrow := "-->"
			switch {
			case e.Mirror:
				arrow = "-.->"
			case e.Percent >= 50 && e.Percent < 100:
				arrow = "==>"
			}
			label := ""
			if e.Label != "" {
				label = "|" + mermaidText(e.Label) + "|"
			}
			_, _ = fmt.Fprintf(&out, "%s%s %s%s %s\n", indent, end(e.From, e.FromRow), arrow, label, end(e.To, e.ToRow))
		}
		if len(m.sets) > 1 {
			_, _ = out.WriteString("  end\n")
		}
	}
	_, _ = out.WriteString("  classDef missing stroke:#b3261e,stroke-dasharray:4\n  classDef answer stroke-dasharray:4\n")
	return out.Bytes()
}

// mermaidText quotes a text: Mermaid reads entities by number within quotes, and HTML.
func mermaidText(text string) string {
	var out strings.Builder
	_ = out.WriteByte('"')
	for _, c := range text {
		switch {
		case c == '\n':
			_, _ = out.WriteString("<br>")
		case c < ' ' || c == 0x7f:
			_ = out.WriteByte(' ')
		case strings.ContainsRune("\"<>&#;`\\[]{}|*_~$", c):
			_, _ = fmt.Fprintf(&out, "#%d;", c)
		default:
			_, _ = out.WriteRune(c)
		}
	}
	_ = out.WriteByte('"')
	return out.String()
}
