// Package manifest turns Go values of Kubernetes API types into the JSON values that a manifest holds.
//
// The types of the Kubernetes API are made for programs that read objects back, and encoding/json writes more of them
// than a manifest should say: "status: {}", "creationTimestamp: null", "strategy: {}". Encode leaves out what only the
// shape of a Go struct brought in, and keeps all that somebody asked for.
package manifest
