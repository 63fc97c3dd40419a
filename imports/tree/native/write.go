package native

import (
	"iter"
	"os"
	"path/filepath"
	"runtime"
	"sync"

	"github.com/crossoverJie/k8s-combat/imports/tree/native/internal/yaml"
)

// recordFile is the name that cdk8s gives it.
const recordFile = "construct-metadata.json"

// write makes the files one after the other. What it holds of their text does not grow with it.
func (o *output) write(folder string) error {
	for _, sub := range append([]string{""}, o.folders...) {
		if err := os.MkdirAll(filepath.Join(folder, sub), 0o777); err != nil {
			return err
		}
	}
	if err := o.writeFiles(folder); err != nil {
		return err
	}
	if o.record != nil {
		return os.WriteFile(filepath.Join(folder, recordFile), o.record, 0o666)
	}
	return nil
}

func (o *output) writeFiles(folder string) (err error) {
	var open *os.File
	closeFile := func() {
		if open != nil {
			if closed := open.Close(); err == nil {
				err = closed
			}
			open = nil
		}
	}
	defer closeFile()
	for part, text := range encode(parts(o.files)) {
		if part.first {
			closeFile()
			if err == nil {
				open, err = os.Create(filepath.Join(folder, part.path))
			}
		}
		if err == nil {
			_, err = open.Write(text)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// part is a piece of a file that is encoded at once.
type part struct {
	path      string
	documents []rendering
	// first is whether the file begins with it.
	first bool
}

// parts cuts files into parts that are worth a goroutine's while, and no larger, since some of them are in memory at
// the same time. A file without objects is one part too.
func parts(files []file) iter.Seq[part] {
	const most = 64
	return func(yield func(part) bool) {
		for _, file := range files {
			rest := file.documents
			for first := true; first || len(rest) > 0; first = false {
				n := min(most, len(rest))
				if !yield(part{file.path, rest[:n], first}) {
					return
				}
				rest = rest[n:]
			}
		}
	}
}

func (p part) append(dst []byte) []byte {
	for i, document := range p.documents {
		if i > 0 || !p.first {
			dst = append(dst, yaml.Separator...)
		}
		dst = appendDocument(dst, document.result())
	}
	return dst
}

// encode yields parts in their order, each with its text, which is valid until the next one. About as many are encoded
// at the same time as there are processors; when encode ends, none is.
func encode(parts iter.Seq[part]) iter.Seq2[part, []byte] {
	type job struct {
		part
		text chan *[]byte
	}
	return func(yield func(part, []byte) bool) {
		var running sync.WaitGroup
		defer running.Wait()
		stop := make(chan struct{})
		defer close(stop)

		jobs := make(chan job, runtime.GOMAXPROCS(0))
		buffers := sync.Pool{New: func() any { return new([]byte) }}
		running.Go(func() {
			defer close(jobs)
			for p := range parts {
				next := job{p, make(chan *[]byte, 1)}
				running.Go(func() {
					buffer := buffers.Get().(*[]byte)
					*buffer = p.append((*buffer)[:0])
					next.text <- buffer
				})
				select {
				case jobs <- next:
				case <-stop:
					return
				}
			}
		})
		for next := range jobs {
			text := <-next.text
			if !yield(next.part, *text) {
				return
			}
			buffers.Put(text)
		}
	}
}
