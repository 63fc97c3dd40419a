"use strict";
const fs = require("fs");
const path = require("path");

const resourceFile = (kind, name) => `${kind}.${name}`.replace(/[^0-9a-zA-Z-_.]/g, "");

// The constructs that an app of cdk8s writes to a file, in the order of the tree. A chart that has a toJson of its own is
// what all of its documents are from.
function writersOf(cdk8s, app, file) {
  const { Chart, ApiObject, YamlOutputType } = cdk8s;
  const named = (name) => name + app.outputFileExtension === path.basename(file);
  const isNamed = (written) => named(resourceFile(written?.kind, written?.metadata?.name));
  const rendersItself = (chart) => chart.toJson !== Chart.prototype.toJson;
  const times = {
    [YamlOutputType.FILE_PER_CHART]: (c) => (c instanceof Chart && named(cdk8s.Names.toDnsLabel(c)) ? 1 : 0),
    [YamlOutputType.FILE_PER_RESOURCE]: (c) => {
      if (c instanceof Chart && rendersItself(c)) return c.toJson().filter(isNamed).length;
      return c instanceof ApiObject && !rendersItself(c.chart) && isNamed(c.toJson()) ? 1 : 0;
    },
    // Before the name of a chart's folder there may be a number.
    [YamlOutputType.FOLDER_PER_CHART_FILE_PER_RESOURCE]: (c) =>
      c instanceof ApiObject && named(resourceFile(c.kind, c.name)) &&
      path.basename(path.dirname(file)).replace(/^\d{4}-/, "") === cdk8s.Names.toDnsLabel(c.chart) ? 1 : 0,
  }[app.yamlOutputType] ?? (() => 0);
  return app.node.findAll().flatMap((c) => Array(times(c)).fill(c.node.path));
}

// Watches what is written to files until it is asked what was to be written twice, and lets the first content stand.
function watch(cdk8s, app) {
  const write = fs.writeFileSync;
  const written = new Set();
  const again = new Set();
  fs.writeFileSync = (file, ...rest) => {
    if (written.has(file)) {
      again.add(file);
      return;
    }
    written.add(file);
    write(file, ...rest);
  };
  return () => {
    fs.writeFileSync = write;
    return [...again].map((file) => ({ file: path.relative(app.outdir, file), writers: writersOf(cdk8s, app, file) }));
  };
}

exports.watch = watch;
