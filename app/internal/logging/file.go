package logging

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// DefaultMaxFileBytes is the size at which a File begins anew.
const DefaultMaxFileBytes = 10 << 20

// File is a log file of bounded size, for a collector beside the service that
// reads every *.log of its folder: when it is full it is renamed, from app.log to
// app.1.log, over the one before. Use OpenFile. It is not safe for concurrent use:
// a Sink writes from one goroutine.
type File struct {
	path string
	max  int64
	file *os.File
	size int64
}

// OpenFile opens the file to append to, for its owner and group alone.
func OpenFile(path string, maxBytes int64) (*File, error) {
	f := &File{path: path, max: maxBytes}
	if err := f.open(); err != nil {
		return nil, err
	}
	return f, nil
}

func (f *File) open() error {
	// Without O_NONBLOCK a FIFO is waited for, by a process that hears no signal yet.
	file, err := os.OpenFile(f.path, os.O_APPEND|os.O_CREATE|os.O_WRONLY|syscall.O_NONBLOCK, 0o640)
	if err != nil {
		return err
	}
	info, err := file.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("open %s: not a regular file", f.path)
	}
	if err != nil {
		_ = file.Close()
		return err
	}
	f.file, f.size = file, info.Size()
	return nil
}

// Write appends whole lines. A file that cannot be begun anew goes on growing:
// a log that is too long is better than none.
func (f *File) Write(lines []byte) (int, error) {
	if f.size > 0 && f.size+int64(len(lines)) > f.max {
		f.rotate()
	}
	n, err := f.file.Write(lines)
	f.size += int64(n)
	return n, err
}

func (f *File) rotate() {
	ext := filepath.Ext(f.path)
	if err := os.Rename(f.path, strings.TrimSuffix(f.path, ext)+".1"+ext); err != nil {
		return
	}
	full := f.file
	if f.open() == nil {
		_ = full.Close()
	}
}

// Close closes the file.
func (f *File) Close() error { return f.file.Close() }

// Both returns a writer that writes to a and b, whether the other fails or not.
func Both(a, b io.Writer) io.Writer { return both{a, b} }

type both struct{ a, b io.Writer }

func (w both) Write(lines []byte) (int, error) {
	_, errA := w.a.Write(lines)
	_, errB := w.b.Write(lines)
	return len(lines), errors.Join(errA, errB)
}
