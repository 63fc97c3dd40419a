// Package conformance holds the tests that need the official tree: that everything works on it, and gives what it gives
// on the native one. They are together in one package since starting Node.js takes its time; without Node.js they are
// skipped aloud.
package conformance
