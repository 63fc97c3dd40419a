"use strict";
const fs = require("fs");
const path = require("path");

const resourceFile = (kind, name) => `${kind}.${name}`.replace(/[^0-9a-zA-Z-_.]/g, "");

// The constructs that an app of cdk8s writes to a file, in the order of the tree.
function writersOf(cdk8s, app, file) {
  const type = app.yamlOutputType;
  const writes = (construct) => {
    if (type === cdk8s.YamlOutputType.FILE_PER_CHART) {
      return construct instanceof cdk8s.Chart && cdk8s.Names.toDnsLabel(construct) + app.outputFileExtension === path.basename(file);
    }
    if (!(construct instanceof cdk8s.ApiObject)) return false;
    if (type === cdk8s.YamlOutputType.FILE_PER_RESOURCE) {
      const written = construct.toJson();
      return resourceFile(written.kind, written.metadata?.name) + app.outputFileExtension === path.basename(file);
    }
    // Before the name of a chart's folder there may be a number.
    return resourceFile(construct.kind, construct.name) + app.outputFileExtension === path.basename(file) &&
      path.basename(path.dirname(file)).replace(/^\d{4}-/, "") === cdk8s.Names.toDnsLabel(construct.chart);
  };
  return app.node.findAll().filter(writes).map((construct) => construct.node.path);
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
