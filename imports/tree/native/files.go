package native

import "github.com/cdk8s-team/cdk8s-core-go/cdk8s/v2"

// File is a file of manifests.
type File struct {
	// Path is relative to the output folder.
	Path    string
	Content []byte
}

// Files returns the files that app.Synth would write, and writes none. It panics as app.Synth does, and for an app of
// another tree.
func Files(app cdk8s.App) []File {
	root := nodeOf(app)
	out := root.app().plan(newValidOrder(root))
	var files []File
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
	return files
}
