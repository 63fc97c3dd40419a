// Package beside has the tests that put combat check beside its peers. It is a module of its own: they link what they compare
// with.
package beside
