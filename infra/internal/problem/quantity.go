package problem

import (
	"fmt"
	"regexp"

	"k8s.io/apimachinery/pkg/api/resource"
)

var (
	// leastMemory is less than any process needs.
	leastMemory = resource.MustParse("4Mi")
	// leastStorage is less than anybody asks for in plain bytes.
	leastStorage = resource.MustParse("1Mi")
	// mostCores is more than any node has.
	mostCores = resource.MustParse("1000")
)

// Memory checks an amount of memory for a process: one that is too small is one without its unit.
func (l *List) Memory(at *Path, text string, quantity resource.Quantity) {
	if quantity.Sign() > 0 && quantity.Cmp(leastMemory) < 0 {
		l.Add(at, text,
			fmt.Sprintf("is %d bytes, less than any process needs; use at least 4Mi, for example 128Mi: Mi stands for mebibytes", quantity.Value()))
	}
}

var withoutUnit = regexp.MustCompile(`^\+?[0-9]+$`)

// Storage checks an amount of storage: a small one in plain bytes is one without its unit.
func (l *List) Storage(at *Path, text string, quantity resource.Quantity) {
	if withoutUnit.MatchString(text) && quantity.Sign() > 0 && quantity.Cmp(leastStorage) < 0 {
		l.Add(at, text,
			fmt.Sprintf("is %d bytes, its unit is missing; use for example 64Mi or 10Gi: Mi stands for mebibytes, Gi for gibibytes", quantity.Value()))
	}
}

// CPU checks an amount of CPU for a container.
func (l *List) CPU(at *Path, text string, quantity resource.Quantity) {
	if quantity.Cmp(mostCores) > 0 {
		l.Add(at, text, "is a number of cores, more than any node has; use for example 100m: m stands for thousandths of a core")
	}
}
