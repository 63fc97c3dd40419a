// Package none is read by the tests of the generator, and declares no API group.
package none
