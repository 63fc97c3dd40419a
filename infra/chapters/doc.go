// Package chapters holds one chart for each chapter of the tutorial. Each is a set of manifests of
// its own, which works on an empty namespace without the others.
package chapters
