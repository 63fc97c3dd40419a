"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const $ = (id) => document.getElementById(id);
  const svgSpace = "http://www.w3.org/2000/svg";

  // Everything from manifests goes into the page as text, never as markup.
  const build = (tree, space) => {
    if (typeof tree === "string" || typeof tree === "number") return document.createTextNode(String(tree));
    const [tag, attributes, ...children] = tree;
    const element = space ? document.createElementNS(space, tag) : document.createElement(tag);
    for (const name in attributes) {
      if (name.startsWith("on")) element.addEventListener(name.slice(2), attributes[name]);
      else if (attributes[name] !== undefined && attributes[name] !== false) element.setAttribute(name, attributes[name] === true ? "" : attributes[name]);
    }
    for (const child of children) if (child !== null && child !== undefined && child !== false) element.append(build(child, space));
    return element;
  };
  const h = (tag, attributes, ...children) => [tag, attributes || {}, ...children];
  const fill = (element, ...trees) => element.replaceChildren(...trees.filter((tree) => tree).map((tree) => build(tree)));

  const sets = data.sets;
  const state = { set: sets.length === 1 ? 0 : -1, views: sets.map(() => ({ collapsed: Object.create(null), focus: "" })), selected: null, answers: [] };
  const namespacesOf = (set) => [...new Set(set.graph.nodes.map((node) => node.namespace || ""))];
  // A large set begins with its namespaces, each as one node. A few nodes need no collapsing.
  const large = 150;
  const collapsible = (set) => namespacesOf(set).filter((name) => set.graph.nodes.filter((node) => (node.namespace || "") === name).length > 3);
  sets.forEach((set, i) => {
    if (set.graph.nodes.length > large && namespacesOf(set).length > 1) for (const name of collapsible(set)) state.views[i].collapsed[name] = true;
  });
  const shown = () => state.set < 0 ? sets.map((_, i) => i) : [state.set];

  // The drawing.
  const svg = document.createElementNS(svgSpace, "svg");
  svg.setAttribute("class", "map");
  svg.setAttribute("role", "group");
  svg.setAttribute("aria-label", "Traffic map");
  $("canvas").append(svg);
  const world = document.createElementNS(svgSpace, "g");
  svg.append(world);
  let drawn = null, view = { x: 0, y: 0, scale: 1 };
  let elements = new Map();
  const id = (set, key) => set + "\u0000" + key;

  const draw = (keepView) => {
    const numbers = shown();
    drawn = trafficScene.draw(numbers.map((i) => sets[i]), numbers.map((i) => state.views[i]), { ratio: Math.max($("canvas").clientWidth, 300) / Math.max($("canvas").clientHeight, 200), numbers });
    world.replaceChildren(...drawn.tree.map((tree) => build(tree, svgSpace)));
    elements = new Map();
    world.querySelectorAll(".node").forEach((element) => {
      const set = Number(element.closest(".set").dataset.set);
      elements.set(id(set, element.dataset.key), element);
    });
    const first = (state.selected && elements.get(id(state.selected.set, state.selected.key))) || elements.values().next().value;
    if (first) first.setAttribute("tabindex", "0");
    markSelected();
    light();
    if (!keepView) fit();
  };
  const apply = () => world.setAttribute("transform", `translate(${view.x},${view.y}) scale(${view.scale})`);
  const fit = (box) => {
    const width = $("canvas").clientWidth, height = $("canvas").clientHeight, margin = 24;
    const target = box || { x: 0, y: 0, width: drawn.width, height: drawn.height };
    view.scale = Math.max(Math.min((width - 2 * margin) / target.width, (height - 2 * margin) / target.height, box ? 1.15 : 1.25), 0.05);
    view.x = (width - target.width * view.scale) / 2 - target.x * view.scale;
    view.y = (height - target.height * view.scale) / 2 - target.y * view.scale;
    apply();
  };
  const zoom = (factor, x, y) => {
    if (x === undefined) { x = $("canvas").clientWidth / 2; y = $("canvas").clientHeight / 2; }
    const scale = Math.min(Math.max(view.scale * factor, 0.04), 3);
    view.x = x - (x - view.x) * scale / view.scale;
    view.y = y - (y - view.y) * scale / view.scale;
    view.scale = scale;
    apply();
  };
  const boxOf = (set, key) => {
    const at = shown().indexOf(set);
    if (at < 0) return null;
    const layout = drawn.layouts[at], box = layout.boxes[visibleKey(set, key)];
    return box && { x: layout.x + box.x, y: layout.y + box.y, width: box.width, height: box.height };
  };
  // visibleKey is the key of a node, or of its namespace where that is collapsed.
  const visibleKey = (set, key) => {
    const node = nodeOf(set, key);
    return node && state.views[set].collapsed[node.namespace || ""] ? "namespace " + (node.namespace || "") : key;
  };
  const nodeOf = (set, key) => sets[set].graph.nodes.find((node) => node.key === key);
  const show = (set, key) => {
    const box = boxOf(set, key);
    if (!box) return;
    const x = box.x * view.scale + view.x, y = box.y * view.scale + view.y, width = $("canvas").clientWidth, height = $("canvas").clientHeight;
    if (view.scale >= 0.55 && x > 0 && y > 0 && x + box.width * view.scale < width && y + box.height * view.scale < height) return;
    view.scale = Math.max(view.scale, 0.8);
    view.x = width / 2 - (box.x + box.width / 2) * view.scale;
    view.y = height / 2 - (box.y + box.height / 2) * view.scale;
    apply();
  };

  // Moving and zooming.
  let grip = null;
  // Two fingers zoom.
  const fingers = new Map();
  const apart = () => { const [a, b] = [...fingers.values()]; return { x: (a.x + b.x) / 2, y: (a.y + b.y) / 2, distance: Math.hypot(a.x - b.x, a.y - b.y) }; };
  addEventListener("pointercancel", (event) => { fingers.delete(event.pointerId); grip = null; });
  svg.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    fingers.set(event.pointerId, { x: event.clientX, y: event.clientY });
    grip = { x: event.clientX, y: event.clientY, fromX: view.x, fromY: view.y, moved: false };
  });
  addEventListener("pointermove", (event) => {
    if (fingers.has(event.pointerId)) {
      const before = fingers.size === 2 ? apart() : null;
      fingers.set(event.pointerId, { x: event.clientX, y: event.clientY });
      if (before) {
        const now = apart(), place = $("canvas").getBoundingClientRect();
        if (grip) grip.moved = true;
        view.x += now.x - before.x;
        view.y += now.y - before.y;
        zoom(now.distance / Math.max(before.distance, 1), now.x - place.left, now.y - place.top);
        return;
      }
    }
    if (!grip) return;
    const dx = event.clientX - grip.x, dy = event.clientY - grip.y;
    if (!grip.moved && Math.abs(dx) + Math.abs(dy) < 4) return;
    grip.moved = true;
    svg.classList.add("moved");
    view.x = grip.fromX + dx;
    view.y = grip.fromY + dy;
    apply();
  });
  addEventListener("pointerup", (event) => {
    if (fingers.delete(event.pointerId) && fingers.size > 0) { grip = null; return; }
    const was = grip;
    grip = null;
    svg.classList.remove("moved");
    if (!was || was.moved) return;
    const element = event.target.closest && event.target.closest(".node");
    if (element && svg.contains(element)) select(Number(element.closest(".set").dataset.set), element.dataset.key, true);
  });
  svg.addEventListener("dblclick", (event) => {
    const element = event.target.closest(".set");
    if (element && state.set < 0 && !event.target.closest(".node")) choose(Number(element.dataset.set));
  });
  $("canvas").addEventListener("wheel", (event) => {
    event.preventDefault();
    const place = $("canvas").getBoundingClientRect();
    zoom(Math.exp(-event.deltaY * (event.deltaMode ? 0.05 : 0.0016)), event.clientX - place.left, event.clientY - place.top);
  }, { passive: false });
  $("smaller").onclick = () => zoom(0.8);
  $("larger").onclick = () => zoom(1.25);
  $("fit").onclick = () => fit();

  // Selecting.
  const markSelected = () => {
    world.querySelectorAll(".selected").forEach((element) => element.classList.remove("selected"));
    const element = state.selected && elements.get(id(state.selected.set, visibleKey(state.selected.set, state.selected.key)));
    if (element) element.classList.add("selected");
  };
  const rove = (element) => {
    world.querySelectorAll('.node[tabindex="0"]').forEach((other) => other.setAttribute("tabindex", "-1"));
    element.setAttribute("tabindex", "0");
    element.focus({ preventScroll: true });
  };
  const select = (set, key, focus) => {
    if (key.startsWith("namespace ") && !nodeOf(set, key)) {
      toggleNamespace(set, key.slice("namespace ".length));
      return;
    }
    state.selected = { set, key };
    markSelected();
    card(set, key);
    tab("card");
    const element = elements.get(id(set, visibleKey(set, key)));
    if (element) {
      show(set, key);
      if (focus) rove(element);
    }
  };
  const toggleNamespace = (set, name) => {
    const collapsed = state.views[set].collapsed;
    collapsed[name] = !collapsed[name];
    draw(true);
    namespaceButton();
    const node = sets[set].graph.nodes.find((one) => (one.namespace || "") === name);
    if (node) {
      const element = elements.get(id(set, visibleKey(set, node.key)));
      if (element) {
        rove(element);
        show(set, node.key);
      }
    }
  };
  const namespaceButton = () => {
    const some = shown().some((i) => namespacesOf(sets[i]).length > 1 || sets[i].graph.nodes.length > large);
    $("collapse").hidden = !some;
    $("collapse").textContent = shown().some((i) => Object.values(state.views[i].collapsed).some((one) => one)) ? "Expand namespaces" : "Collapse namespaces";
  };
  $("collapse").onclick = () => {
    const collapse = !shown().some((i) => Object.values(state.views[i].collapsed).some((one) => one));
    for (const i of shown()) for (const name of collapsible(sets[i])) state.views[i].collapsed[name] = collapse;
    draw();
    namespaceButton();
  };
  const only = (set, change, text) => {
    if (state.set !== set) choose(set);
    const view = state.views[set];
    Object.assign(view, { focus: "", keep: null, before: view.before || view.collapsed, collapsed: Object.create(null) }, change);
    $("focus-bar").hidden = false;
    $("focus-bar").firstElementChild.textContent = text;
    draw();
  };
  const focusOn = (set, key) => {
    only(set, { focus: key }, "Only what leads to " + nodeOf(set, key).title + ", and from it");
    select(set, key, true);
  };
  const unfocus = () => {
    for (const one of state.views) {
      if (one.before) one.collapsed = one.before;
      delete one.before;
      one.focus = "";
      one.keep = null;
    }
    $("focus-bar").hidden = true;
  };
  $("unfocus").onclick = () => { unfocus(); draw(); };

  svg.addEventListener("keydown", (event) => {
    const element = event.target.closest(".node");
    if (!element) return;
    const set = Number(element.closest(".set").dataset.set), key = element.dataset.key;
    const go = (found) => {
      if (!found) return;
      event.preventDefault();
      rove(found);
      show(Number(found.closest(".set").dataset.set), found.dataset.key);
    };
    const boxes = drawn.layouts[shown().indexOf(set)].boxes, own = boxes[key];
    const along = (from, to) => {
      const edge = sets[set].graph.edges.find((one) => visibleKey(set, one[from]) === key && visibleKey(set, one[to]) !== key && boxes[visibleKey(set, one[to])]);
      return edge && elements.get(id(set, visibleKey(set, edge[to])));
    };
    const beside = (sign) => {
      let best = null;
      for (const other in boxes) {
        const box = boxes[other];
        if (Math.abs(box.x - own.x) > 40 || (box.y - own.y) * sign <= 0) continue;
        if (!best || Math.abs(box.y - own.y) < Math.abs(boxes[best].y - own.y)) best = other;
      }
      if (best) return elements.get(id(set, best));
      // The next set begins where this one ends.
      const all = [...elements.values()].filter((one, i, list) => sign > 0 ? i > list.indexOf(element) : i < list.indexOf(element));
      return all.filter((one) => Number(one.closest(".set").dataset.set) !== set).at(sign > 0 ? 0 : -1);
    };
    switch (event.key) {
      case "ArrowRight": return go(along("from", "to"));
      case "ArrowLeft": return go(along("to", "from"));
      case "ArrowDown": return go(beside(1));
      case "ArrowUp": return go(beside(-1));
      case "Home": return go(elements.values().next().value);
      case "Enter": case " ":
        event.preventDefault();
        return select(set, key, true);
    }
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
      if (!$("found").hidden) { closeFound(); return; }
      if (!$("focus-bar").hidden) $("unfocus").click();
      return;
    }
    if (event.ctrlKey || event.metaKey || event.altKey || /^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName)) return;
    if (event.key === "/") { event.preventDefault(); $("search").focus(); }
    if (event.key === "+" || event.key === "=") zoom(1.25);
    if (event.key === "-") zoom(0.8);
    if (event.key === "0") fit();
  });

  // Panels.
  const tabs = ["request", "card", "findings"];
  const tab = (name) => {
    for (const one of tabs) {
      $("tab-" + one).setAttribute("aria-selected", String(one === name));
      $("tab-" + one).tabIndex = one === name ? 0 : -1;
      $("panel-" + one).hidden = one !== name;
    }
  };
  tabs.forEach((name, i) => {
    $("tab-" + name).onclick = () => tab(name);
    $("tab-" + name).onkeydown = (event) => {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (!step) return;
      const next = tabs[(i + step + tabs.length) % tabs.length];
      tab(next);
      $("tab-" + next).focus();
    };
  });

  const finding = (set, one) => h("div", { class: "finding " + one.severity },
    h("p", {}, h("b", {}, one.severity + " " + one.code), one.node ? h("button", { class: "link", type: "button", onclick: () => { if (!shown().includes(set)) choose(set); select(set, one.node, false); } }, one.object) : one.object, one.field ? h("code", {}, " " + one.field) : null),
    h("p", {}, one.message), h("p", { class: "fix" }, one.fix), one.place ? h("div", { class: "place" }, one.place) : null);

  const card = (set, key) => {
    const node = nodeOf(set, key), more = sets[set].cards[key] || {};
    const ways = (from, to, title) => {
      const edges = sets[set].graph.edges.filter((edge) => edge[from] === key);
      if (edges.length === 0) return [];
      return [h("h3", {}, title), h("ul", { class: "plain" }, ...edges.map((edge) => {
        const other = nodeOf(set, edge[to]);
        const row = edge.toRow && to === "to" ? ", subset " + edge.toRow : "", own = from === "from" ? edge.fromRow : edge.toRow;
        return h("li", {}, own ? "subset " + own + ": " : null, h("button", { class: "link", type: "button", onclick: () => select(set, edge[to], false) }, other.title), row + (edge.label ? ", " + edge.label : "") + (edge.mirror ? ", a copy" : ""));
      }))];
    };
    const list = (title, items) => items && items.length > 0 ? [h("h3", {}, title), h("ul", { class: "plain" }, ...items.map((item) => h("li", {}, item)))] : [];
    fill($("panel-card"),
      h("h2", {}, node.title),
      h("div", { class: "place" }, [node.object, node.text].filter((text) => text).join(" · ")),
      node.place || node.field ? h("div", { class: "place" }, [node.place, node.kind === "rule" || node.kind === "service" ? node.field : ""].filter((text) => text).join(" · ")) : null,
      h("div", { class: "actions" }, h("button", { type: "button", onclick: () => focusOn(set, key) }, "Show only its ways"),
        node.kind === "host" ? h("button", { type: "button", onclick: () => { $("host").value = example(node.field); ask(); tab("request"); } }, "Ask for it") : null,
        namespacesOf(sets[set]).length > 1 && node.namespace ? h("button", { type: "button", onclick: () => toggleNamespace(set, node.namespace) }, "Collapse " + node.namespace) : null),
      ...(more.findings || []).flatMap((one, i) => [i === 0 ? h("h3", {}, "Findings") : null, finding(set, sets[set].findings[one])]),
      ...list("Says", node.notes),
      ...list("Subsets", (node.rows || []).map((row) => row.name + (row.missing ? ": no such subset" : row.text ? ": " + row.text : ""))),
      ...(more.sections || []).flatMap((section) => list(section.title, section.items)),
      ...ways("from", "to", "Leads to"), ...ways("to", "from", "Comes from"));
  };
  const example = (host) => host.startsWith("*.") ? "www" + host.slice(1) : host === "*" ? "example.com" : host;

  const findings = () => {
    const all = shown().flatMap((i) => sets[i].findings.map((one) => [i, one]));
    const rank = { error: 0, warning: 1, note: 2 };
    all.sort((a, b) => rank[a[1].severity] - rank[b[1].severity]);
    $("tab-findings").textContent = "Findings" + (all.length > 0 ? " " + all.length : "");
    fill($("panel-findings"), ...(all.length === 0 ? [h("p", { class: "empty" }, "combat check finds nothing wrong here.")] :
      all.map(([set, one]) => h("div", {}, state.set < 0 ? h("div", { class: "place" }, sets[set].name) : null, finding(set, one)))));
  };

  // Search.
  let hits = [], hit = -1;
  const closeFound = () => { $("found").hidden = true; $("search").setAttribute("aria-expanded", "false"); $("search").removeAttribute("aria-activedescendant"); };
  const search = () => {
    const words = $("search").value.toLowerCase().split(/\s+/).filter((word) => word);
    hits = [];
    hit = -1;
    if (words.length === 0) { closeFound(); return; }
    for (const set of shown()) {
      for (const node of sets[set].graph.nodes) {
        const text = [node.title, node.text, node.object, node.namespace, node.field, ...(node.notes || []), ...(node.rows || []).map((row) => row.name)].join(" ").toLowerCase();
        if (words.every((word) => text.includes(word))) hits.push({ set, node, rank: (node.title.toLowerCase().startsWith(words[0]) ? 0 : 2) + (node.kind === "service" ? 0 : 1) });
      }
    }
    hits.sort((a, b) => a.rank - b.rank);
    hits = hits.slice(0, 60);
    fill($("found"), ...(hits.length > 0 ? hits.map(({ set, node }, i) => h("li", { role: "option", id: "hit-" + i, "aria-selected": "false", onmousedown: (event) => { event.preventDefault(); take(i); } },
      node.title, h("small", {}, [node.kind, node.namespace, state.set < 0 ? sets[set].name : ""].filter((text) => text).join(" · ")))) : [h("li", { role: "option", "aria-disabled": "true", "aria-selected": "false" }, "Nothing is called so")]));
    $("found").hidden = false;
    $("search").setAttribute("aria-expanded", "true");
    mark(hits.length > 0 ? 0 : -1);
  };
  const mark = (i) => {
    hit = i;
    $("found").querySelectorAll("li").forEach((element, n) => {
      element.setAttribute("aria-selected", String(n === i));
      if (n === i) element.scrollIntoView({ block: "nearest" });
    });
    if (i >= 0) $("search").setAttribute("aria-activedescendant", "hit-" + i);
  };
  const take = (i) => {
    const { set, node } = hits[i];
    closeFound();
    const namespace = node.namespace || "";
    if (state.views[set].collapsed[namespace]) focusOn(set, node.key);
    else {
      if (!elements.get(id(set, node.key))) { unfocus(); draw(); }
      select(set, node.key, true);
    }
  };
  $("search").oninput = search;
  $("search").onfocus = () => { if ($("search").value) search(); };
  $("search").onblur = closeFound;
  $("search").onkeydown = (event) => {
    if (event.key === "ArrowDown" && hits.length > 0) { event.preventDefault(); mark((hit + 1) % hits.length); }
    if (event.key === "ArrowUp" && hits.length > 0) { event.preventDefault(); mark((hit + hits.length - 1) % hits.length); }
    if (event.key === "Enter" && hit >= 0) { event.preventDefault(); take(hit); }
  };

  // Sets.
  const options = () => {
    const hosts = new Set(), gateways = new Set(), workloads = new Set();
    for (const i of shown()) {
      for (const node of sets[i].graph.nodes) {
        // The name of a Service comes with the Service.
        if (node.kind === "host" && node.title !== node.field && node.field !== "*") continue;
        if (node.kind === "host") hosts.add(example(node.field));
        if (node.kind === "service" && node.field) hosts.add(node.objectKind === "Service" ? node.name + (namespacesOf(sets[i]).length > 1 ? "." + node.namespace : "") : node.field);
        if (node.kind === "gateway") gateways.add(node.namespace + "/" + node.name);
        if (node.kind === "workload") workloads.add(node.namespace + "/" + node.name);
      }
    }
    fill($("hosts"), ...[...hosts].map((host) => h("option", { value: host })));
    const before = $("caller").value;
    fill($("caller"), h("option", { value: "" }, "as the host says"),
      gateways.size > 0 ? h("optgroup", { label: "From outside, by" }, ...[...gateways].map((name) => h("option", { value: "gateway " + name }, name))) : null,
      workloads.size > 0 ? h("optgroup", { label: "A pod of" }, ...[...workloads].map((name) => h("option", { value: "from " + name }, name))) : null);
    $("caller").value = before;
    if ($("caller").selectedIndex < 0) $("caller").value = "";
  };
  const choose = (set) => {
    unfocus();
    state.set = set;
    state.selected = null;
    $("set").value = String(set);
    options();
    findings();
    namespaceButton();
    fill($("panel-card"), h("p", { class: "empty" }, "Choose something on the map to see what it is made of."));
    draw();
    ask();
  };
  fill($("set"), sets.length > 1 ? h("option", { value: "-1" }, "all " + sets.length) : null, ...sets.map((set, i) => h("option", { value: String(i) }, set.name)));
  $("set").onchange = () => choose(Number($("set").value));
  $("set").parentElement.hidden = sets.length < 2;

  // The engine.
  let engine = null;
  const loaded = new Set();
  const start = async () => {
    const packed = $("engine");
    if (!packed) {
      $("engine-state").textContent = data.without || "";
      return;
    }
    $("engine-state").textContent = "The engine is being started";
    try {
      const text = atob(packed.textContent.trim()), bytes = new Uint8Array(text.length);
      for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
      const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
      const go = new Go();
      const { instance } = await WebAssembly.instantiate(await new Response(stream).arrayBuffer(), go.importObject);
      go.run(instance).then(() => { engine = null; $("engine-state").textContent = "The engine has ended; load the page again"; });
      engine = globalThis.combatEngine;
      $("engine-state").textContent = "";
      document.documentElement.dataset.engine = "ready";
    } catch (error) {
      $("engine-state").textContent = "The engine does not start: " + error.message;
    }
    ask();
    setTimeout(() => preload(0), 50);
  };

  const load = (i) => {
    if (!engine || loaded.has(i)) return;
    engine.load(i, JSON.stringify(sets[i].objects), JSON.stringify(sets[i].graph), data.options);
    loaded.add(i);
  };
  // Sets are read before they are asked about, while there is nothing else to do.
  const preload = (i) => {
    if (i >= sets.length) return;
    load(i);
    setTimeout(() => preload(i + 1), 0);
  };

  const requestOf = () => {
    const caller = $("caller").value, headers = [], wrong = [];
    for (const line of $("headers").value.split("\n")) {
      if (!line.trim()) continue;
      const at = line.search(/[:=]/);
      if (at <= 0) wrong.push(line.trim());
      else headers.push([line.slice(0, at).trim(), line.slice(at + 1).trim()]);
    }
    // A call by gRPC is a way to ask rather than a method.
    const grpc = $("method").value === "gRPC";
    return { request: { method: grpc ? "" : $("method").value, grpc: grpc ? $("path").value.trim().replace(/^\//, "") || "package.Service/Method" : "", scheme: $("scheme").value, host: $("host").value.trim(), path: $("path").value.trim(), headers,
      gateway: caller.startsWith("gateway ") ? caller.slice(8) : "", from: caller.startsWith("from ") ? caller.slice(5) : "" }, wrong };
  };
  const ask = () => {
    state.answers = [];
    const { request, wrong } = requestOf();
    remember();
    if (!request.host) {
      const names = [...$("hosts").querySelectorAll("option")].map((option) => option.value);
      fill($("panel-request"), ...($("engine") ? [
        h("p", { class: "empty" }, "Say above whom you call, and the map shows where the request goes, which rule decides, and what the caller gets."),
        names.length > 0 ? h("h3", {}, "Begin with") : null,
        h("ul", { class: "plain" }, ...names.slice(0, 12).map((name) => h("li", {}, h("button", { class: "link", type: "button", onclick: () => { $("host").value = name; ask(); } }, name))))] :
        [h("p", { class: "empty" }, "This page was made without the engine that answers requests. " + (data.without || ""))]));
      light();
      return;
    }
    if (!engine) {
      fill($("panel-request"), h("p", { class: "empty" }, $("engine-state").textContent));
      return;
    }
    for (const i of shown()) {
      load(i);
      state.answers.push(Object.assign({ set: i }, engine.explain(i, request)));
    }
    const known = (answer) => !answer.error && Object.keys(answer.way.nodes).length > 0;
    const all = state.answers;
    state.answers = all.filter(known);
    const rest = all.filter((answer) => !known(answer));
    const told = state.answers.length > 0 ? state.answers : rest.slice(0, 1);
    fill($("panel-request"), wrong.length > 0 ? h("p", { class: "summary open" }, "No header: " + wrong.join(", ") + "; write NAME: VALUE") : null,
      ...told.map((answer, i) => told.length === 1 ? h("div", {}, all.length > 1 ? h("div", { class: "place" }, sets[answer.set].name) : null, ...explanation(answer)) :
        h("details", { open: i === 0 }, h("summary", {}, sets[answer.set].name + ": " + answer.explanation.summary), ...explanation(answer))),
      all.length > told.length ? h("p", { class: "empty" }, (all.length - told.length === 1 ? "One other set does" : all.length - told.length + " other sets do") + " not know the host.") : null);
    light();
    look();
  };
  const explanation = (answer) => {
    if (answer.error) return [h("p", { class: "summary bad" }, answer.error)];
    const e = answer.explanation;
    const mood = { arrives: "", answered: "", redirected: "", undecided: " open", mixed: " open" }[e.outcome];
    const target = (share) => share.service ? share.service + (share.port ? ":" + share.port : "") + (share.subset ? " subset " + share.subset : "") + (share.workload ? " → " + share.workload : "") + (share.outcome !== "arrives" ? (share.status ? ", " + share.status : "") + (share.why ? ": " + share.why : "") : "") :
      (share.status ? share.status + ": " : "") + share.why;
    return [
      sets[answer.set].graph.nodes.length > 12 && Object.keys(answer.way.nodes).length > 0 ? h("p", {}, h("button", { type: "button", onclick: () => only(answer.set, { keep: Object.assign(Object.create(null), answer.way.nodes) }, "Only the way of the request") }, "Show only this way")) : null,
      h("p", { class: "summary" + (mood === undefined ? " bad" : mood), role: "status" }, e.summary),
      e.shares.length > 0 ? h("div", { class: "bars" }, ...e.shares.map((share) => h("div", {}, h("span", {}, target(share)), h("b", {}, round(share.percent) + " %"), h("progress", { max: "100", value: String(share.percent), "aria-label": target(share) })))) : null,
      h("ol", { class: "steps" }, ...e.steps.map((step) => h("li", { class: step.verdict === "no" && step.what === "rule" ? "passed" : "" },
        h("span", { class: "what" }, step.what), h("span", { class: step.verdict || "", "aria-label": step.verdict === "no" ? "does not take it" : step.verdict === "yes" ? "takes it" : undefined }, { yes: "✓", no: "✗" }[step.verdict] || ""),
        h("span", {}, [step.object, step.field].filter((text) => text).join(" ") + ((step.object || step.field) && step.text ? ": " : "") + step.text, step.place ? h("div", { class: "place" }, step.place) : null))),
        ...(e.wait ? [h("li", {}, h("span", { class: "what" }, "wait"), h("span"), h("span", {}, e.wait))] : []),
        ...e.undecided.map((text) => h("li", {}, h("span", { class: "what" }, "undecided"), h("span"), h("span", {}, text))),
        ...(e.nearest ? [h("li", {}, h("span", { class: "what" }, "nearest"), h("span"), h("span", {}, e.nearest))] : []))];
  };
  const round = (percent) => String(Math.round(percent * 100) / 100);

  // light shows the way of the request.
  const light = () => {
    world.querySelectorAll(".share").forEach((element) => element.remove());
    world.querySelectorAll(".on, .refused").forEach((element) => element.classList.remove("on", "refused"));
    world.querySelectorAll(".edge[data-was]").forEach((element) => { element.setAttribute("stroke-width", element.dataset.was); delete element.dataset.was; });
    svg.classList.toggle("asked", state.answers.length > 0);
    for (const answer of state.answers) {
      const group = world.querySelector(`.set[data-set="${answer.set}"]`);
      if (!group) continue;
      const percents = {};
      for (const key in answer.way.nodes) {
        const at = visibleKey(answer.set, key);
        percents[at] = Math.max(percents[at] || 0, answer.way.nodes[key]);
      }
      for (const key in percents) {
        const element = elements.get(id(answer.set, key));
        if (!element) continue;
        element.classList.add("on");
        if (percents[key] < 99.995) {
          const text = round(percents[key]) + " %", width = text.length * 6.6 + 12, box = Number(element.querySelector(".box").getAttribute("width"));
          element.append(build(["g", { class: "share", transform: `translate(${box - width + 6},-9)` }, ["rect", { width, height: 18, rx: 9 }], ["text", { x: width / 2, y: 13, "text-anchor": "middle" }, text]], svgSpace));
        }
      }
      for (const key of answer.way.refused) {
        const element = elements.get(id(answer.set, key));
        if (element && !element.classList.contains("on")) element.classList.add("refused");
      }
      group.querySelectorAll("[data-edge]").forEach((element) => {
        let percent = -1;
        for (const number of element.dataset.edge.split(" ")) if (answer.way.edges[number] !== undefined) percent = Math.max(percent, answer.way.edges[number]);
        if (percent < 0) return;
        element.classList.add("on");
        if (element.classList.contains("edge")) {
          element.dataset.was = element.getAttribute("stroke-width");
          element.setAttribute("stroke-width", String(trafficScene.thickness(percent)));
        }
      });
    }
  };
  // look moves to the way of the request where none of it can be seen.
  const look = () => {
    let box = null, seen = false;
    for (const answer of state.answers) {
      for (const key in answer.way.nodes) {
        const one = boxOf(answer.set, key);
        if (!one) continue;
        const x = one.x * view.scale + view.x, y = one.y * view.scale + view.y;
        seen = seen || view.scale > 0.2 && x > -one.width * view.scale && y > -one.height * view.scale && x < $("canvas").clientWidth && y < $("canvas").clientHeight && nodeOf(answer.set, key).kind !== "gateway";
        // A gateway may be far from what it leads to.
        if (nodeOf(answer.set, key).kind === "gateway") continue;
        box = box ? { x: Math.min(box.x, one.x), y: Math.min(box.y, one.y), right: Math.max(box.right, one.x + one.width), bottom: Math.max(box.bottom, one.y + one.height) } : { x: one.x, y: one.y, right: one.x + one.width, bottom: one.y + one.height };
      }
    }
    if (box && !seen) fit({ x: box.x - 60, y: box.y - 60, width: box.right - box.x + 120, height: box.bottom - box.y + 120 });
  };
  let timer = 0;
  $("request").addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(() => { ask(); tab("request"); }, 80);
  });
  $("request").addEventListener("submit", (event) => { event.preventDefault(); ask(); tab("request"); });
  $("clear").onclick = () => {
    for (const name of ["host", "path", "headers"]) $(name).value = "";
    for (const name of ["method", "scheme"]) $(name).selectedIndex = 0;
    $("caller").value = "";
    ask();
    tab("request");
  };

  // The address of the page says what is shown and asked, so that it can be given to somebody and outlasts loading again.
  const fields = ["method", "scheme", "host", "path", "headers", "caller"];
  const remember = () => {
    const said = new URLSearchParams();
    if (sets.length > 1 && state.set >= 0) said.set("set", sets[state.set].name);
    for (const name of fields) if ($(name).value && $(name).value !== $(name).dataset.unsaid) said.set(name, $(name).value);
    const hash = said.toString();
    try { if (location.hash.slice(1) !== hash) history.replaceState(null, "", hash ? "#" + hash : location.pathname + location.search); } catch { /* a page that has no address is as good */ }
  };
  const recall = () => {
    for (const name of fields) $(name).dataset.unsaid = $(name).value;
    const said = new URLSearchParams(location.hash.slice(1));
    const set = sets.findIndex((one) => one.name === said.get("set"));
    if (set >= 0) state.set = set;
    for (const name of fields) {
      if (!said.has(name)) continue;
      if (name === "caller") options();
      $(name).value = said.get(name);
      if ($(name).selectedIndex === -1) $(name).selectedIndex = 0;
    }
  };

  // Themes. Storage is not there for every page of a file.
  const themes = ["system", "light", "dark"];
  const remembered = () => { try { return localStorage.getItem("combat-map-theme"); } catch { return null; } };
  const theme = (name) => {
    if (name === "system") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = name;
    $("theme").textContent = "Theme: " + name;
    try { localStorage.setItem("combat-map-theme", name); } catch { /* it lasts as long as the page */ }
  };
  theme(themes.includes(remembered()) ? remembered() : "system");
  $("theme").onclick = () => theme(themes[(themes.indexOf(document.documentElement.dataset.theme || "system") + 1) % themes.length]);

  addEventListener("resize", () => fit());
  if (data.reload) new EventSource(data.reload).onmessage = () => location.reload();

  tab("request");
  recall();
  choose(state.set);
  start();
})();
