// scene lays out the graphs of sets and draws them. The page and the command's SVG both use it, so that the two agree. A
// drawing is a tree of ["tag", {attributes}, ...children]; a child that is a text is text.
"use strict";
var trafficScene = (() => {
  const columns = ["gateway", "host", "rule", "service", "workload"];
  const headings = { gateway: "Gateways", host: "Hosts", rule: "Rules", service: "Services", workload: "Workloads" };
  const columnOf = { gateway: 0, host: 1, rule: 2, service: 3, answer: 3, missing: 3, namespace: 3, workload: 4 };
  const nodeWidth = 236, rowHeight = 22, chipHeight = 18, sidePadding = 12;
  const labelRoom = 190;

  // A letter of a narrow script takes about half of what one of a wide script does.
  const isWide = (c) => {
    const code = c.codePointAt(0);
    return code >= 0x1100 && (code <= 0x115f || (code >= 0x2e80 && code <= 0xa4cf) || (code >= 0xac00 && code <= 0xd7a3) ||
      (code >= 0xf900 && code <= 0xfaff) || (code >= 0xfe30 && code <= 0xfe6f) || (code >= 0xff00 && code <= 0xff60) || code >= 0x1f300);
  };
  // widthOf estimates what a text takes, rather more than less: which font a reader has is not known.
  const widthOf = (text, size, bold) => {
    let width = 0;
    for (const c of text) {
      width += isWide(c) ? 1.05 : "iljtfI.,:;'|!()[] ".includes(c) ? 0.36 : c >= "A" && c <= "Z" || "mw@%".includes(c) ? 0.78 : 0.6;
    }
    return width * size * (bold ? 1.1 : 1);
  };
  // The end of a name often tells more than its middle.
  const cut = (text, size, room, bold) => {
    if (widthOf(text, size, bold) <= room) return text;
    const letters = Array.from(text);
    let head = letters.length, tail = 0;
    while (head + tail > 2) {
      if (head > 2 * tail + 4 || tail === 0) { head--; if (tail === 0 && letters.length > 8) tail = 1; } else if (head > 2 * tail) head--; else tail--;
      const shorter = letters.slice(0, head).join("") + "…" + (tail > 0 ? letters.slice(-tail).join("") : "");
      if (widthOf(shorter, size, bold) <= room) {
        // The tail takes what room there is.
        let best = shorter;
        while (head > 6 && tail < head / 2) {
          head--; tail++;
          const other = letters.slice(0, head).join("") + "…" + letters.slice(-tail).join("");
          if (widthOf(other, size, bold) > room) break;
          best = other;
        }
        return best;
      }
    }
    return letters.slice(0, 1).join("") + "…";
  };

  // chips of a node, in lines.
  const chipLines = (chips) => {
    const lines = [];
    let line = [], used = 0;
    for (const chip of chips) {
      const text = cut(chip.text, 10.5, nodeWidth - 2 * sidePadding - 12);
      const width = widthOf(text, 10.5) + 12;
      if (line.length > 0 && used + width > nodeWidth - 2 * sidePadding) {
        lines.push(line);
        line = []; used = 0;
      }
      line.push({ text, full: chip.text, kind: chip.kind || "", x: used, width });
      used += width + 4;
    }
    if (line.length > 0) lines.push(line);
    return lines;
  };

  const measure = (node, card) => {
    const chips = (node.notes || []).map((text) => ({ text }));
    if (card) {
      for (const chip of card.chips || []) chips.push(chip);
      if (card.findings) chips.push({ text: card.findings.length === 1 ? "1 finding" : card.findings.length + " findings", kind: card.worst });
    }
    const shown = chips.length > 6 ? chips.slice(0, 5).concat([{ text: "and " + (chips.length - 5) + " more" }]) : chips;
    const lines = chipLines(shown);
    const rows = node.rows || [];
    const height = 46 + rows.length * rowHeight + (rows.length > 0 ? 6 : 0) + (lines.length > 0 ? lines.length * (chipHeight + 3) + 5 : 0);
    return { width: nodeWidth, height, lines };
  };

  // visible is the graph of a set without what is hidden: namespaces that are collapsed are one node each, where there is a
  // focus there is what leads to it and what it leads to, and where nodes are to be kept there are no others.
  const visible = (set, view) => {
    let nodes = set.graph.nodes, edges = set.graph.edges.map((edge, index) => Object.assign({ index }, edge));
    const keep = view.keep || (view.focus ? neighbours(set.graph, view.focus) : null);
    if (keep) {
      nodes = nodes.filter((node) => keep[node.key]);
      edges = edges.filter((edge) => keep[edge.from] && keep[edge.to]);
    }
    const collapsed = view.collapsed || Object.create(null);
    if (!nodes.some((node) => collapsed[node.namespace || ""])) return { nodes, edges };
    const keyOf = {}, boxes = {}, kept = [];
    for (const node of nodes) {
      const namespace = node.namespace || "";
      if (!collapsed[namespace]) {
        keyOf[node.key] = node.key;
        kept.push(node);
        continue;
      }
      const key = "namespace " + namespace;
      keyOf[node.key] = key;
      if (!boxes[key]) {
        boxes[key] = { key, kind: "namespace", title: namespace || "no namespace", namespace, counts: {}, members: [], object: "Namespace " + namespace };
        kept.push(boxes[key]);
      }
      boxes[key].counts[node.kind] = (boxes[key].counts[node.kind] || 0) + 1;
      boxes[key].members.push(node.key);
    }
    for (const key in boxes) {
      const counts = boxes[key].counts, parts = [];
      for (const [kind, name] of [["service", "Service"], ["workload", "workload"], ["host", "host"], ["gateway", "gateway"], ["rule", "rule"]].filter(([kind]) => counts[kind]).slice(0, 2)) {
        if (counts[kind]) parts.push(counts[kind] + " " + name + (counts[kind] > 1 ? "s" : ""));
      }
      boxes[key].text = parts.join(", ");
    }
    const merged = {}, all = [];
    for (const edge of edges) {
      const from = keyOf[edge.from], to = keyOf[edge.to];
      if (from === edge.from && to === edge.to) {
        all.push(edge);
        continue;
      }
      if (from === to) continue;
      const id = from + "\u0000" + to;
      if (!merged[id]) {
        merged[id] = { from, to, percent: 100, label: "", members: [], fromRow: from === edge.from ? edge.fromRow : "", toRow: to === edge.to ? edge.toRow : "" };
        all.push(merged[id]);
      }
      merged[id].members.push(edge.index);
    }
    for (const id in merged) if (merged[id].members.length > 1) merged[id].label = merged[id].members.length + " ways";
    return { nodes: kept, edges: all };
  };

  const neighbours = (graph, key) => {
    const keep = {};
    const walk = (start, from, to) => {
      const open = [start], seen = {};
      seen[start] = true;
      while (open.length > 0) {
        const at = open.pop();
        keep[at] = true;
        for (const edge of graph.edges) {
          if (edge[from] === at && !seen[edge[to]]) {
            seen[edge[to]] = true;
            open.push(edge[to]);
          }
        }
      }
    };
    walk(key, "from", "to");
    walk(key, "to", "from");
    return keep;
  };

  // components are the parts of a graph between which there is no edge, each in the order of its nodes.
  const components = (nodes, edges) => {
    const parent = {};
    const find = (key) => {
      while (parent[key] !== key) { parent[key] = parent[parent[key]]; key = parent[key]; }
      return key;
    };
    for (const node of nodes) parent[node.key] = node.key;
    for (const edge of edges) parent[find(edge.from)] = find(edge.to);
    const byRoot = {}, all = [];
    for (const node of nodes) {
      const root = find(node.key);
      if (!byRoot[root]) all.push(byRoot[root] = { nodes: [], edges: [] });
      byRoot[root].nodes.push(node);
    }
    for (const edge of edges) byRoot[find(edge.from)].edges.push(edge);
    return all;
  };

  const layoutSet = (set, view) => {
    const graph = visible(set, view);
    const boxes = {}, used = [false, false, false, false, false];
    for (const node of graph.nodes) {
      const size = measure(node, set.cards[node.key] || (node.members ? summary(set, node.members) : null));
      boxes[node.key] = { node, x: 0, y: 0, width: size.width, height: size.height, lines: size.lines, column: columnOf[node.kind] };
      used[columnOf[node.kind]] = true;
    }
    // The gaps between columns are as wide as what is written there.
    const gaps = [44, 44, 44, 44, 44];
    for (const edge of graph.edges) {
      const column = boxes[edge.from].column;
      gaps[column] = Math.max(gaps[column], edge.label ? labelWidth(edge.label) + 66 : 44);
    }
    const xs = [];
    let right = 0;
    for (let i = 0; i < columns.length; i++) {
      xs.push(right);
      if (used[i]) right += nodeWidth + gaps[i];
    }
    const hasColumns = graph.nodes.every((node) => node.kind !== "namespace");
    let width = hasColumns && used.includes(true) ? xs[used.lastIndexOf(true)] + nodeWidth : nodeWidth;

    const parts = components(graph.nodes, graph.edges);
    for (const part of parts) width = Math.max(width, arrange(part, boxes, xs));
    // Where nothing leads anywhere, nodes stand side by side.
    const loose = parts.length > 2 && parts.every((part) => part.nodes.length === 1);
    let y = 0, bottom = 0;
    parts.forEach((part, i) => {
      if (loose) {
        const side = Math.ceil(Math.sqrt(parts.length / 3)), box = boxes[part.nodes[0].key];
        if (i % side === 0) y = bottom === 0 ? 0 : bottom + 16;
        box.x = i % side * (nodeWidth + 24);
        box.y = y;
        width = Math.max(width, box.x + nodeWidth);
        bottom = Math.max(bottom, y + box.height);
        return;
      }
      let top = Infinity, low = -Infinity;
      for (const node of part.nodes) {
        top = Math.min(top, boxes[node.key].y);
        low = Math.max(low, boxes[node.key].y + boxes[node.key].height);
      }
      y = bottom === 0 ? 0 : bottom + 22;
      for (const node of part.nodes) boxes[node.key].y += y - top;
      bottom = y + low - top;
    });
    const present = columns.map((name, i) => ({ name, x: xs[i] })).filter((column, i) => hasColumns && used[i] && (!loose || used.indexOf(true) === used.lastIndexOf(true)));
    return { set, boxes, edges: graph.edges, width, height: bottom, columns: present };
  };

  // labelLines are at most two lines: one stands above its edge, the other below.
  const labelLines = (label) => {
    if (!label) return [];
    if (widthOf(label, 10.5) <= labelRoom || label.includes(" or ")) return [cut(label, 10.5, labelRoom)];
    const parts = label.split(", ");
    if (parts.length === 1) return [cut(label, 10.5, labelRoom)];
    return [cut(parts[0], 10.5, labelRoom), cut(parts.slice(1).join(", "), 10.5, labelRoom)];
  };
  const labelWidth = (label) => Math.max(0, ...labelLines(label).map((line) => widthOf(line, 10.5)));

  const summary = (set, members) => {
    const card = { chips: [], findings: [], worst: "note" };
    const rank = { note: 0, warning: 1, error: 2 };
    for (const key of members) {
      const one = set.cards[key];
      if (!one || !one.findings) continue;
      card.findings = card.findings.concat(one.findings);
      if (rank[one.worst] > rank[card.worst]) card.worst = one.worst;
    }
    if (card.findings.length === 0) delete card.findings;
    return card;
  };

  // inOrder has the rules of a host, the hosts of a gateway and the workloads of a Service stand in the order in which they
  // are written: those to which the same nodes lead.
  const inOrder = (part, boxes) => {
    const into = {}, groups = {};
    for (const edge of part.edges) (into[edge.to] = into[edge.to] || []).push(edge);
    part.nodes.forEach((node, i) => {
      const edges = into[node.key];
      if (!edges) return;
      const row = Math.min(...edges.map((edge) => (boxes[edge.from].node.rows || []).findIndex((one) => one.name === edge.fromRow)));
      const id = [...new Set(edges.map((edge) => edge.from))].sort().join("\u0000") + "\u0000" + boxes[node.key].column;
      (groups[id] = groups[id] || []).push({ key: node.key, row, i });
    });
    const constraints = [];
    for (const id in groups) {
      const group = groups[id].sort((a, b) => a.row - b.row || a.i - b.i);
      for (let i = 1; i < group.length; i++) constraints.push({ left: group[i - 1].key, right: group[i].key });
    }
    return constraints;
  };

  // arrange places the nodes of a part, and returns where it ends on the right. Columns decide where a node is from left to
  // right: what dagre finds is the order from top to bottom, with few edges that cross, and the places.
  const arrange = (part, boxes, xs) => {
    const byColumn = part.nodes.every((node) => node.kind !== "namespace");
    if (part.nodes.length > 120 && byColumn) stack(part, boxes, xs);
    else place(part, boxes);
    let right = 0;
    for (const node of part.nodes) {
      const box = boxes[node.key];
      box.x = byColumn ? xs[box.column] : box.x;
      right = Math.max(right, box.x + box.width);
    }
    return right;
  };

  const place = (part, boxes) => {
    if (part.nodes.length === 1) return;
    const graph = new dagre.graphlib.Graph({ multigraph: true });
    graph.setGraph({ rankdir: "LR", nodesep: 16, edgesep: 10, ranksep: 60, ranker: part.nodes.length > 80 ? "longest-path" : "network-simplex" });
    for (const node of part.nodes) graph.setNode(node.key, { width: boxes[node.key].width, height: boxes[node.key].height });
    part.edges.forEach((edge, i) => {
      graph.setEdge(edge.from, edge.to, { minlen: Math.max(boxes[edge.to].column - boxes[edge.from].column, 1), weight: edge.percent >= 50 ? 2 : 1 }, String(i));
    });
    dagre.layout(graph, { constraints: inOrder(part, boxes) });
    let left = Infinity;
    for (const node of part.nodes) left = Math.min(left, graph.node(node.key).x);
    for (const node of part.nodes) {
      const placed = graph.node(node.key), box = boxes[node.key];
      box.y = Math.round(placed.y - box.height / 2);
      box.x = Math.round(placed.x - left);
    }
  };

  // stack places a part in which a gateway leads to very much: what is behind the gateways part by part, one above the
  // other, and each gateway in the middle of its hosts.
  const stack = (part, boxes, xs) => {
    const first = Math.min(...part.nodes.map((node) => boxes[node.key].column));
    const isHead = (key) => boxes[key].column === first;
    const rest = components(part.nodes.filter((node) => !isHead(node.key)), part.edges.filter((edge) => !isHead(edge.from) && !isHead(edge.to)));
    if (rest.length < 2 && first >= 1) {
      place(part, boxes);
      return;
    }
    let y = 0;
    for (const one of rest) {
      arrange(one, boxes, xs);
      let top = Infinity, low = -Infinity;
      for (const node of one.nodes) { top = Math.min(top, boxes[node.key].y); low = Math.max(low, boxes[node.key].y + boxes[node.key].height); }
      for (const node of one.nodes) boxes[node.key].y += y - top;
      y += low - top + 22;
    }
    const heads = part.nodes.filter((node) => isHead(node.key)).map((node) => {
      const ends = part.edges.filter((edge) => edge.from === node.key).map((edge) => boxes[edge.to].y + boxes[edge.to].height / 2);
      return { box: boxes[node.key], wanted: ends.reduce((a, b) => a + b, 0) / Math.max(ends.length, 1) - boxes[node.key].height / 2 };
    }).sort((a, b) => a.wanted - b.wanted);
    let free = -Infinity;
    for (const head of heads) {
      head.box.y = Math.round(Math.max(head.wanted, free));
      free = head.box.y + head.box.height + 16;
    }
  };

  // thickness of an edge by its share.
  const thickness = (percent) => 1.5 + 7.5 * Math.min(Math.max(percent, 0), 100) / 100;

  const rowY = (box, row) => {
    const rows = box.node.rows || [];
    const i = row ? rows.findIndex((one) => one.name === row) : -1;
    return i < 0 ? box.y + 23 : box.y + 46 + 3 + i * rowHeight + rowHeight / 2;
  };

  // ports spreads the edges of a side of a node, or of one of its rows, so that they do not lie upon each other.
  const ports = (layout) => {
    const sides = {};
    layout.edges.forEach((edge, i) => {
      const from = layout.boxes[edge.from], to = layout.boxes[edge.to];
      const put = (side, box, row, other) => {
        const id = side + "\u0000" + box.node.key + "\u0000" + (row || "");
        (sides[id] = sides[id] || { box, row, edges: [] }).edges.push({ i, at: other });
      };
      put("out", from, edge.fromRow, to.y + (rowY(to, edge.toRow) - to.y) / 1000);
      put("in", to, edge.toRow, from.y + (rowY(from, edge.fromRow) - from.y) / 1000);
    });
    const at = { out: [], in: [] };
    for (const id in sides) {
      const side = sides[id], kind = id.slice(0, id.indexOf("\u0000"));
      side.edges.sort((a, b) => a.at - b.at || a.i - b.i);
      const room = (side.box.node.rows || []).length > 0 ? (side.row ? rowHeight - 4 : 30) : Math.min(side.box.height - 12, 60);
      // Where something is written beside each, there is room for it.
      const sizes = side.edges.map((one) => Math.max(thickness(layout.edges[one.i].percent) + 2, kind === "out" && side.edges.length > 1 && layout.edges[one.i].label ? 16 : 0));
      const total = sizes.reduce((a, b) => a + b, 0);
      const scale = total > room ? room / total : 1;
      let y = ((side.box.node.rows || []).length > 0 ? rowY(side.box, side.row) : side.box.y + side.box.height / 2) - total * scale / 2;
      side.edges.forEach((one, n) => {
        at[kind][one.i] = y + sizes[n] * scale / 2;
        y += sizes[n] * scale;
      });
    }
    return at;
  };

  const drawEdges = (layout, out) => {
    const at = ports(layout);
    const ins = {};
    for (const edge of layout.edges) {
      ins[edge.to + "\u0000" + (edge.toRow || "")] = (ins[edge.to + "\u0000" + (edge.toRow || "")] || 0) + 1;
    }
    const labels = [];
    layout.edges.forEach((edge, i) => {
      const from = layout.boxes[edge.from], to = layout.boxes[edge.to];
      const x1 = from.x + from.width, x2 = to.x, y1 = at.out[i], y2 = at.in[i];
      const lines = labelLines(edge.label);
      const length = lines.length > 0 ? labelWidth(edge.label) + 10 : 0;
      // What is written stands at the end where no other edge is.
      const atTarget = ins[edge.to + "\u0000" + (edge.toRow || "")] === 1;
      const gap = x2 - x1;
      let path, x, y;
      if (gap <= 8) {
        // A way back, which there is between namespaces alone.
        path = `M${f(x1)},${f(y1)} C${f(x1 + 60)},${f(y1 - 40)} ${f(x2 - 60)},${f(y2 - 40)} ${f(x2)},${f(y2)}`;
        x = (x1 + x2) / 2; y = (y1 + y2) / 2 - 34;
      } else if (atTarget) {
        const turn = Math.max(x2 - length - 8, x1 + 28), middle = (x1 + turn) / 2;
        path = `M${f(x1)},${f(y1)} C${f(middle)},${f(y1)} ${f(middle)},${f(y2)} ${f(turn)},${f(y2)} L${f(x2)},${f(y2)}`;
        x = x2 - 9 - (length - 10) / 2; y = y2;
      } else {
        const turn = Math.min(x1 + length + 8, x2 - 28), middle = (turn + x2) / 2;
        path = `M${f(x1)},${f(y1)} L${f(turn)},${f(y1)} C${f(middle)},${f(y1)} ${f(middle)},${f(y2)} ${f(x2)},${f(y2)}`;
        x = x1 + 8 + (length - 10) / 2; y = y1;
      }
      const name = "edge" + (edge.mirror ? " mirror" : "") + (to.node.kind === "missing" || isMissingRow(to.node, edge.toRow) ? " broken" : "");
      out.push(["path", { class: name, d: path, "stroke-width": f(thickness(edge.percent)), "data-edge": edgeId(edge) }]);
      lines.forEach((line, n) => labels.push(["text", { class: "label", x: f(x), y: f(n === 0 ? y - thickness(edge.percent) / 2 - 3.5 : y + thickness(edge.percent) / 2 + 11), "text-anchor": "middle", "data-edge": edgeId(edge) }, ["title", {}, edge.label], line]));
    });
    return labels;
  };

  const edgeId = (edge) => edge.members ? edge.members.join(" ") : String(edge.index);
  const isMissingRow = (node, name) => (node.rows || []).some((row) => row.name === name && row.missing);
  const f = (number) => String(Math.round(number * 10) / 10);

  const kindNames = { gateway: "", host: "Host", rule: "Rule", service: "", answer: "Answer of the proxy", missing: "Missing", workload: "", namespace: "Namespace" };

  // describe names a node for those who hear it.
  const describe = (node, card) => {
    const parts = [[kindNames[node.kind] || node.objectKind || "", node.title].filter((part) => part).join(" ")];
    if (node.text) parts.push(node.text);
    for (const row of node.rows || []) parts.push("subset " + row.name + (row.missing ? ", which is missing" : ""));
    for (const note of node.notes || []) parts.push(note);
    if (card) {
      for (const chip of card.chips || []) parts.push(chip.text);
      if (card.findings) parts.push(card.findings.length + (card.findings.length === 1 ? " finding" : " findings"));
    }
    return parts.join(", ");
  };

  const drawNode = (box, card) => {
    const node = box.node;
    const g = ["g", { class: "node " + node.kind, "data-key": node.key, transform: `translate(${f(box.x)},${f(box.y)})`, role: "button", "aria-label": describe(node, card), tabindex: "-1" }];
    g.push(["title", {}, node.object && node.object !== "" ? node.object + (node.place ? " (" + node.place + ")" : "") : node.title]);
    g.push(["rect", { class: "box", width: f(box.width), height: f(box.height), rx: "7" }]);
    g.push(["path", { class: "mark", d: `M7,0 H6 A6,7 0 0 0 0,7 V${f(box.height - 7)} A6,7 0 0 0 6,${f(box.height)} H7 A3,7 0 0 1 4,${f(box.height - 7)} V7 A3,7 0 0 1 7,0 Z` }]);
    g.push(["text", { class: "title", x: sidePadding + 2, y: "19" }, cut(node.title, 13, box.width - 2 * sidePadding - 2, true)]);
    if (node.text) g.push(["text", { class: "text", x: sidePadding + 2, y: "36" }, cut(node.text, 11, box.width - 2 * sidePadding)]);
    let y = 46;
    (node.rows || []).forEach((row) => {
      if (y === 46) y += 3;
      g.push(["rect", { class: "row" + (row.missing ? " gone" : ""), x: "8", y: f(y + 1), width: f(box.width - 16), height: rowHeight - 2, rx: "4", "data-row": row.name }]);
      const name = cut(row.name, 11.5, 96, true);
      g.push(["text", { class: "rowname", x: sidePadding + 2, y: f(y + 15) }, name]);
      if (row.text) g.push(["text", { class: "text", x: f(box.width - 13), y: f(y + 15), "text-anchor": "end" }, ["title", {}, row.text], cut(row.text, 10.5, box.width - 40 - widthOf(name, 11.5, true))]);
      y += rowHeight;
    });
    if ((node.rows || []).length > 0) y += 3;
    for (const line of box.lines) {
      for (const chip of line) {
        g.push(["g", { class: "chip " + chip.kind }, ["title", {}, chip.full],
          ["rect", { x: f(sidePadding + chip.x), y: f(y), width: f(chip.width), height: chipHeight, rx: "9" }],
          ["text", { x: f(sidePadding + chip.x + chip.width / 2), y: f(y + 12.5), "text-anchor": "middle" }, chip.text]]);
      }
      y += chipHeight + 3;
    }
    return g;
  };

  const padding = 18, top = 62;

  // pack places sets, each as high as it can stand, for a room of which the width is ratio times the height.
  const pack = (layouts, ratio) => {
    const space = 22;
    let total = 0, widest = 0;
    for (const layout of layouts) { total += layout.outerWidth + space; widest = Math.max(widest, layout.outerWidth); }
    let best = null;
    const tries = layouts.length > 1 ? 24 : 1;
    for (let n = 0; n < tries; n++) {
      const room = widest + (total - widest) * n * n / (tries * tries);
      // The sky line: from each x on, how far down there is something.
      let sky = [{ x: 0, y: 0 }], width = 0, height = 0;
      const places = layouts.map((layout) => {
        let found = null;
        for (const { x } of sky) {
          if (x > 0 && x + layout.outerWidth > room) continue;
          const y = Math.max(...sky.filter((step, i) => step.x < x + layout.outerWidth && (i + 1 === sky.length || sky[i + 1].x > x)).map((step) => step.y));
          if (!found || y < found.y) found = { x, y };
        }
        const end = found.x + layout.outerWidth + space;
        let after = 0;
        for (const step of sky) if (step.x <= end) after = step.y;
        sky = sky.filter((step) => step.x < found.x || step.x > end).concat([{ x: found.x, y: found.y + layout.outerHeight + space }, { x: end, y: after }]).sort((a, b) => a.x - b.x);
        width = Math.max(width, found.x + layout.outerWidth);
        height = Math.max(height, found.y + layout.outerHeight);
        return found;
      });
      const size = Math.max(width / ratio, height);
      if (!best || size < best.size) best = { size, places, width, height };
    }
    layouts.forEach((layout, i) => { layout.x = best.places[i].x; layout.y = best.places[i].y; });
    return best;
  };

  // draw returns the drawing of sets, with its size and the places of nodes.
  const draw = (sets, views, options) => {
    const layouts = sets.map((set, i) => layoutSet(set, views[i] || {}));
    for (const layout of layouts) {
      layout.outerWidth = Math.max(layout.width + 2 * padding, 60 + widthOf(layout.set.name, 15, true));
      layout.outerHeight = Math.max(layout.height, 20) + top + padding;
    }
    const { width, height } = pack(layouts, options && options.ratio || 1.6);
    const tree = layouts.map((layout, number) => {
      const g = ["g", { class: "set", "data-set": String(options && options.numbers ? options.numbers[number] : number), transform: `translate(${f(layout.x)},${f(layout.y)})` }];
      g.push(["rect", { class: "frame", width: f(layout.outerWidth), height: f(layout.outerHeight), rx: "12" }]);
      g.push(["text", { class: "setname", x: padding, y: "27" }, layout.set.name]);
      const inner = ["g", { transform: `translate(${padding},${top})` }];
      for (const column of layout.columns) inner.push(["text", { class: "heading", x: f(column.x), y: "-12" }, headings[column.name]]);
      if (layout.set.graph.nodes.length === 0) inner.push(["text", { class: "text", x: "0", y: "4" }, "Nothing that takes requests or runs"]);
      const labels = drawEdges(layout, inner);
      for (const key in layout.boxes) {
        const node = layout.boxes[key].node;
        inner.push(drawNode(layout.boxes[key], layout.set.cards[key] || (node.members ? summary(layout.set, node.members) : null)));
      }
      for (const label of labels) inner.push(label);
      g.push(inner);
      return g;
    });
    return { width: Math.ceil(Math.max(width, 200)), height: Math.ceil(Math.max(height, 80)), tree, layouts: layouts.map((layout) => ({ x: layout.x + padding, y: layout.y + top, boxes: layout.boxes, width: layout.outerWidth, height: layout.outerHeight, left: layout.x, top: layout.y })) };
  };

  return { draw, thickness };
})();
