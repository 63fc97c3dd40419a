package tree

import (
	"fmt"

	"github.com/cdk8s-team/cdk8s-core-go/cdk8s/v2"

	"github.com/crossoverJie/k8s-combat/imports/tree/manifest"
)

// applyLimit is the size from which an object is one that "kubectl apply" may not take: it keeps a copy of the object in an
// annotation, for all of which the API server allows 256 KiB.
const applyLimit = 250 << 10

// warnOfSize records that an object can be applied by the server alone.
func warnOfSize(object cdk8s.ApiObject, content manifest.Object) {
	if size := sizeOf(content); size >= applyLimit {
		Warn(object, Problem{
			Detail: fmt.Sprintf("is an object of %d bytes, more than kubectl apply can keep a copy of in an annotation", size),
			Fix:    "apply with --server-side, which keeps none",
		})
	}
}

// sizeOf is how many bytes a value takes as the JSON that kubectl keeps.
func sizeOf(value any) int {
	const quotes, separator = 2, 1
	switch value := value.(type) {
	case string:
		return quotes + sizeOfText(value)
	case manifest.Object:
		size := quotes
		for _, entry := range value {
			size += quotes + sizeOfText(entry.Key) + separator + sizeOf(entry.Value) + separator
		}
		return size
	case []any:
		size := quotes
		for _, element := range value {
			size += sizeOf(element) + separator
		}
		return size
	case bool, nil:
		return len("false")
	}
	return len(fmt.Sprint(value))
}

// sizeOfText counts the escapes of encoding/json.
func sizeOfText(text string) int {
	const short, long = len(`\n`) - 1, len(`\u003c`) - 1
	size := len(text)
	for i := range len(text) {
		switch c := text[i]; {
		case c == '"' || c == '\\' || c == '\n' || c == '\r' || c == '\t':
			size += short
		case c < ' ' || c == '<' || c == '>' || c == '&':
			size += long
		}
	}
	return size
}
