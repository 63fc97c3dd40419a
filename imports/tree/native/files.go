package native

import "github.com/cdk8s-team/cdk8s-core-go/cdk8s/v2"

// File is a file of manifests.
type File struct {
	// Path is relative to the output folder.
	Path    string
	Content []byte
}

// Files returns the files that app.Synth would write, and writes none. What app.Synth panics with is an error here, such
// as tree.Problems. It panics for an app of another tree.
func Files(app cdk8s.App) (files []File, err error) {
	root := nodeOf(app)
	defer func() {
		if cause := recover(); cause != nil {
			failure, ok := cause.(error)
			if !ok {
				panic(cause)
			}
			files, err = nil, failure
		}
	}()
	out := root.app().plan(newValidOrder(root))
	for part, text := range encode(parts(out.files)) {
		if part.first {
			files = append(files, File{Path: part.path})
		}
		last := &files[len(files)-1]
		last.Content = append(last.Content, text...)
	}
	if out.record != nil {
		files = append(files, File{recordFile, out.record})
	}
	return files, nil
}
