// Package conformance holds the tests that need the official tree: that everything works on it, and gives what it gives
// on the native one. They are together in one package since starting Node.js takes its time; without Node.js they are
// skipped aloud.
//
// Chapters, constructs, operations and refusals are compared through jsii, as users see them. Random trees, of which it
// takes thousands, go to the same cdk8s without jsii (testdata/engine.js), and keep its order of objects. REPORT.md is what the last full run found;
// make conformance writes it.
package conformance
