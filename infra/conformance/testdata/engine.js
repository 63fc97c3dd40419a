// Runs test cases on cdk8s: a JSON text a line on standard input, its result a line on standard output. The argument is
// the folder that cdk8s is unpacked in. What a case is, case_test.go says; what becomes of one, run_test.go: the two do
// the same, this one in cdk8s.
"use strict";
const fs = require("fs");
const readline = require("readline");
const { watch } = require("../../../imports/tree/module/lib/output.js");
const cdk8s = require(process.argv[2]);
const { Construct, ConstructOrder, Dependable, DependencyGroup } = require(require.resolve("constructs", { paths: [process.argv[2]] }));

function attempt(action) {
  try {
    const value = action();
    return { ok: value === undefined ? null : value };
  } catch (e) {
    return { error: e.message };
  }
}

// What cdk8s writes is kept here instead of on the disk.
let files = {};
let folders = [];
fs.mkdirSync = (folder) => { folders.push(folder); };
fs.writeFileSync = (file, content) => { files[file] = content; };

class NamingChart extends cdk8s.Chart {
  generateObjectName(object) {
    return `${object.kind}-${object.node.id}`;
  }
}

// Its name is part of errors, and jsii gives what it makes in Go no name of its own.
Object.defineProperty(NamingChart, "name", { value: "Chart" });

class Replacing {
  constructor(texts) {
    this.texts = texts;
  }
  resolve(context) {
    if (typeof context.value === "string" && Object.hasOwn(this.texts, context.value)) {
      context.replaceValue(this.texts[context.value]);
    }
  }
}

const path = (construct) => (construct ? construct.node.path : null);
const paths = (constructs) => constructs.map(path);

// What jsii hands on of a value from Go: of maps, no entry that is null.
function passed(value) {
  if (Array.isArray(value)) return value.map(passed);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).filter(([, item]) => item !== null).map(([key, item]) => [key, passed(item)]));
}

// Each operation is given the construct that it is for, the step and what the steps before it have made. It returns what
// there is to compare, and says with make what it has made.
const operations = {
  construct: (c, s, made, make) => { make(new Construct(c, s.id)); },
  chart: (c, s, made, make) => { make(new (s.naming ? NamingChart : cdk8s.Chart)(c, s.id, s.props)); },
  object: (c, s, made, make) => {
    const object = new cdk8s.ApiObject(c, s.id, s.content);
    if (s.cluster) object.metadata.namespace = undefined;
    make(object);
    return [object.name, object.kind, object.apiVersion, object.apiGroup, object.metadata.namespace ?? null];
  },
  depend: (c, s, made) => { c.node.addDependency(made[s.to]); },
  dependOnGroup: (c, s, made) => { c.node.addDependency(new DependencyGroup(made[s.to], made[s.also])); },
  independ: (c, s, made) => { c.node.removeDependency(made[s.to]); },
  remove: (c, s) => c.node.tryRemoveChild(s.id),
  tryFind: (c, s) => path(c.node.tryFindChild(s.id)),
  find: (c, s) => path(c.node.findChild(s.id)),
  defaultChild: (c) => path(c.node.defaultChild),
  setDefaultChild: (c, s, made) => { c.node.defaultChild = made[s.to]; },
  lock: (c) => { c.node.lock(); },
  setContext: (c, s) => { c.node.setContext(s.id, passed(s.value)); },
  tryContext: (c, s) => c.node.tryGetContext(s.id),
  context: (c, s) => c.node.getContext(s.id),
  allContext: (c) => c.node.getAllContext(),
  addMetadata: (c, s) => { c.node.addMetadata(s.id, passed(s.value)); return c.node.metadata.map((m) => [m.type, m.data]); },
  invalid: (c, s) => { c.node.addValidation({ validate: () => s.texts }); },
  validate: (c) => c.node.validate(),
  app: (c) => path(cdk8s.App.of(c)),
  chartOf: (c) => path(cdk8s.Chart.of(c)),
  objectOf: (c) => path(cdk8s.ApiObject.of(c)),
  roots: (c) => paths(Dependable.of(c).dependencyRoots),
  is: (c) => [Construct.isConstruct(c), cdk8s.Chart.isChart(c), cdk8s.ApiObject.isApiObject(c)],
  dnsLabel: (c, s) => cdk8s.Names.toDnsLabel(c, s.name),
  labelValue: (c, s) => cdk8s.Names.toLabelValue(c, s.name),
};

// These are for objects alone.
const objectOperations = {
  label: (o, s) => { o.metadata.addLabel(s.id, s.text); return o.metadata.getLabel(s.id); },
  annotation: (o, s) => { o.metadata.addAnnotation(s.id, s.text); },
  finalizer: (o, s) => { o.metadata.addFinalizers(s.id); },
  owner: (o, s) => { o.metadata.addOwnerReference(s.content); },
  addToMetadata: (o, s) => { o.metadata.add(s.id, s.value); },
  metadata: (o) => o.metadata.toJson(),
  patch: (o, s) => {
    const { op, path, from, value } = s.patch;
    const operation = {
      add: () => cdk8s.JsonPatch.add(path, value),
      remove: () => cdk8s.JsonPatch.remove(path),
      replace: () => cdk8s.JsonPatch.replace(path, value),
      copy: () => cdk8s.JsonPatch.copy(from, path),
      move: () => cdk8s.JsonPatch.move(from, path),
      test: () => cdk8s.JsonPatch.test(path, value),
    }[op]();
    o.addJsonPatch(operation);
  },
};

function describe(c) {
  const n = c.node;
  return {
    path: n.path, addr: n.addr, id: n.id, text: c.toString(), locked: n.locked, scope: path(n.scope), root: path(n.root),
    children: paths(n.children), all: paths(n.findAll()), post: paths(n.findAll(ConstructOrder.POSTORDER)),
    scopes: paths(n.scopes), dependencies: paths(n.dependencies),
  };
}

// What cdk8s does not say: that one output is written over another.
function samePaths(test, files) {
  const fix = {
    FILE_PER_CHART: "give one of the charts another id",
    FILE_PER_RESOURCE: "use FOLDER_PER_CHART_FILE_PER_RESOURCE or FILE_PER_CHART, or give one of them another name",
    FOLDER_PER_CHART_FILE_PER_RESOURCE: "use FILE_PER_CHART, or give one of them another name",
  }[test.outputType];
  const quoted = (text) => JSON.stringify(text.length > 80 ? text.slice(0, 80) : text) + (text.length > 80 ? `... (${text.length} bytes)` : "");
  const lines = files.flatMap(({ file, writers }) =>
    writers.slice(1).map((writer) => `\n  [${writer}] is written to ${quoted(file)}, as is ${writers[0]}; ${fix}`));
  return "Validation failed with the following errors:" + lines.join("");
}

function runTree(test) {
  const app = new cdk8s.App({
    outdir: "out",
    yamlOutputType: cdk8s.YamlOutputType[test.outputType],
    outputFileExtension: test.extension,
    recordConstructMetadata: test.record,
    resolvers: test.replace ? [new Replacing(test.replace)] : undefined,
  });
  const made = [app];
  const steps = test.steps.map((s) => {
    let result = null;
    const outcome = attempt(() => {
      const c = made[s.on];
      if (!c || ("to" in s && !made[s.to]) || ("also" in s && !made[s.also])) return "skipped";
      if (s.op in operations) return operations[s.op](c, s, made, (construct) => { result = construct; });
      return c instanceof cdk8s.ApiObject ? objectOperations[s.op](c, s) : "skipped";
    });
    made.push(result);
    return outcome;
  });
  const constructs = made.filter((c) => c);
  const charts = constructs.filter((c) => c instanceof cdk8s.Chart);
  const objects = constructs.filter((c) => c instanceof cdk8s.ApiObject);
  const result = { steps, constructs: constructs.map((c) => attempt(() => describe(c))) };
  result.objects = objects.map((o) => attempt(() => o.toJson()));
  result.yaml = attempt(() => app.synthYaml());
  result.charts = attempt(() => paths(app.charts));
  result.chartObjects = charts.map((c) => attempt(() => c.toJson()));
  result.chartChildren = charts.map((c) => [paths(c.apiObjects), c.namespace ?? null, c.labels]);
  files = {};
  folders = [];
  const writtenTwice = watch(cdk8s, app);
  result.synth = attempt(() => app.synth());
  const twice = writtenTwice();
  if (!result.synth.error && twice.length > 0) {
    result.synth = { error: samePaths(test, twice) };
  }
  if (result.synth.error) {
    files = {}; // cdk8s may have written some by then
    folders = [];
  }
  result.files = files;
  result.folders = [...new Set(folders)].sort();
  return result;
}

// What is null in Go is undefined for cdk8s.
const runDocuments = (test) => ({ yaml: attempt(() => cdk8s.Yaml.stringify(...test.documents.map((d) => d ?? undefined))) });

readline.createInterface({ input: process.stdin }).on("line", (line) => {
  const test = JSON.parse(line);
  process.stdout.write(JSON.stringify(test.documents ? runDocuments(test) : runTree(test)) + "\n");
});
