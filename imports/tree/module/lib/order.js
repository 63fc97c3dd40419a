"use strict";

// The apps that keep the order of cdk8s.
const kept = new WeakSet();

const keep = (app) => { kept.add(app); };

// The vertices of a graph by their constructs.
function verticesOf(graph) {
  const vertices = new Map();
  const found = [graph.root];
  while (found.length > 0) {
    for (const vertex of found.pop().outbound) {
      if (!vertices.has(vertex.value)) {
        vertices.set(vertex.value, vertex);
        found.push(vertex);
      }
    }
  }
  return vertices;
}

// Orders constructs, of which each comes after what it depends on already: by rank, and still after what they depend on.
// What is no object comes as soon as it can, so that it holds nothing up.
function inOrder(ApiObject, graph, constructs, ranks) {
  const rank = (c) => (c instanceof ApiObject ? ranks[`${c.apiGroup}/${c.kind}`] ?? Infinity : -1);
  const queue = constructs.map((construct) => ({ construct, rank: rank(construct) })).sort((a, b) => (a.rank < b.rank ? -1 : a.rank > b.rank ? 1 : 0));
  const vertices = verticesOf(graph);
  const place = new Map(queue.map(({ construct }, i) => [construct, i]));
  const waitsFor = queue.map(({ construct }) => vertices.get(construct).outbound.length);
  const ordered = [];
  for (let next = 0; ordered.length < queue.length;) {
    while (waitsFor[next] !== 0) next++;
    const { construct } = queue[next];
    ordered.push(construct);
    waitsFor[next] = -1; // it is there
    // The root of the graph depends on what nothing else does.
    for (const { value: dependent } of vertices.get(construct).inbound.filter((v) => v.value)) {
      const i = place.get(dependent);
      waitsFor[i]--;
      if (waitsFor[i] === 0 && i < next) next = i;
    }
  }
  return ordered;
}

// Makes cdk8s write the objects of each chart by rank, until the function that it returns is called. It changes how a chart
// lists its constructs. Dependencies of our own would do it, too, but the time that cdk8s takes for them doubles with
// each that the user has declared.
function order(cdk8s, construct, ranks) {
  const graph = cdk8s.DependencyGraph.prototype;
  const topology = graph.topology;
  if (!kept.has(construct.node.root)) {
    graph.topology = function () {
      const constructs = topology.call(this);
      // The graph of the app is asked for the order of charts, which stays.
      return constructs.some((c) => !c.node.scope) ? constructs : inOrder(cdk8s.ApiObject, this, constructs, ranks);
    };
  }
  return () => { graph.topology = topology; };
}

exports.keep = keep;
exports.order = order;
