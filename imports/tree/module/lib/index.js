"use strict";
const cdk8s = require("cdk8s");
const rtti = Symbol.for("jsii.rtti");

class JsonObject extends cdk8s.ApiObject {
  constructor(scope, id, json) {
    super(scope, id, JSON.parse(json));
  }
}
JsonObject[rtti] = { fqn: "k8s-combat-tree.JsonObject", version: "1.0.0" };
exports.JsonObject = JsonObject;
