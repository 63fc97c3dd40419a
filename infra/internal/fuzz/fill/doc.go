// Package fill gives the options of constructs random values: what is usual for a field of its name, nothing, or what
// no user should write. The same seed gives the same values.
package fill
