// Command gen writes the packages of imports/ from the modules that go.mod pins. The go:generate lines in their doc.go
// files run it, in the folder that it writes to:
//
//	gen constructors PACKAGE...
//	gen crds FOLDER MODULE PATH [SIBLING]
//	gen required FILE CRDS PACKAGE...
//
// constructors writes a constructor for each kind of the API packages; a kind that an earlier package of the same group
// has already is left out, so packages are named newest version first. crds copies the CustomResourceDefinitions that a
// module ships, in a file or in a folder, to one file each. SIBLING is for a module that go.mod does not name, because
// what it requires is not for us: it is taken at the version that go.mod has of SIBLING, which is released with it.
// required writes the table of the fields that the API packages require although their tags allow to leave them out; CRDS
// is the folder of the folders that crds has written.
//
// It reads source text alone, so it needs nothing but the modules' files, and the same modules always give the same bytes.
package main

import (
	"errors"
	"fmt"
	"os"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "gen:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	switch {
	case len(args) > 1 && args[0] == "constructors":
		name := os.Getenv("GOPACKAGE")
		if name == "" {
			return errors.New("GOPACKAGE: not set; gen is run by go generate")
		}
		return writeConstructors(".", name, args[1:])
	case len(args) == 4 && args[0] == "crds":
		return writeCRDs(args[1], args[2], args[3], "")
	case len(args) == 5 && args[0] == "crds":
		return writeCRDs(args[1], args[2], args[3], args[4])
	case len(args) > 3 && args[0] == "required":
		name := os.Getenv("GOPACKAGE")
		if name == "" {
			return errors.New("GOPACKAGE: not set; gen is run by go generate")
		}
		return writeRequired(args[1], name, args[2], args[3:])
	default:
		return fmt.Errorf("arguments: %q; allowed are 'constructors PACKAGE...', 'crds FOLDER MODULE PATH [SIBLING]' and 'required FILE CRDS PACKAGE...'", args)
	}
}
