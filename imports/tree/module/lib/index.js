"use strict";
const cdk8s = require("cdk8s");
const { keep, order } = require("./order");
const { watch } = require("./output");
const rtti = Symbol.for("jsii.rtti");

class JsonObject extends cdk8s.ApiObject {
  constructor(scope, id, json, clusterScoped) {
    super(scope, id, JSON.parse(json));
    if (clusterScoped) {
      // cdk8s puts the chart's namespace on every object.
      this.metadata.namespace = undefined;
    }
  }
}
JsonObject[rtti] = { fqn: "k8s-combat-tree.JsonObject", version: "1.0.0" };
exports.JsonObject = JsonObject;

class Process {
  // Ends Node.js once the answer is written, and answers which processes end then: this one, and the one that has started
  // it for the program.
  static end() {
    setImmediate(() => process.exit(0));
    return `${process.pid} ${process.ppid}`;
  }
}
Process[rtti] = { fqn: "k8s-combat-tree.Process", version: "1.0.0" };
exports.Process = Process;

let watched;

class Output {
  // Watches what synth writes.
  static watch(app) {
    watched = watch(cdk8s, app);
  }
  // Ends that, and returns the files that were to be written twice, with the paths of those that write them.
  static writtenTwice() {
    return JSON.stringify(watched());
  }
}
Output[rtti] = { fqn: "k8s-combat-tree.Output", version: "1.0.0" };
exports.Output = Output;

let restore;

class Order {
  // Leaves the objects of an app in the order of cdk8s.
  static keep(app) {
    keep(app);
  }
  // Makes cdk8s write the objects of a construct's app by the ranks of their kinds.
  static begin(construct, ranks) {
    restore = order(cdk8s, construct, JSON.parse(ranks));
  }
  // Ends that.
  static end() {
    restore();
  }
}
Order[rtti] = { fqn: "k8s-combat-tree.Order", version: "1.0.0" };
exports.Order = Order;
