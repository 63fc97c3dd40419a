package logging

import "strings"

// Text returns what of a text of somebody else's may go into telemetry: UTF-8, at
// most 256 bytes before what is not UTF-8 is replaced. One byte that is not has a
// whole export fail, with what others did in it, and long texts make an export
// larger than a collector takes.
func Text(text string) string { return Cut(text, maxText) }

// Cut does that with another length. It returns a copy: a part would keep the whole,
// such as a header of 16 KiB, in memory for as long as the part waits to be sent.
func Cut(text string, length int) string {
	return strings.Clone(strings.ToValidUTF8(text[:min(len(text), length)], "\uFFFD"))
}
