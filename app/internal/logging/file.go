package logging

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// DefaultMaxFileBytes is the size at which a File begins anew.
const DefaultMaxFileBytes = 10 << 20

// File is a log file of bounded size, for a collector beside the service that
// reads every *.log of its folder: when it is full it is renamed, from app.log to
// app.1.log, over the one before. One that somebody else removes or renames is made
// anew. Use OpenFile. It is not safe for concurrent use: a Sink writes from one
// goroutine.
type File struct {
	path string
	max  int64
	file *os.File
	info os.FileInfo
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
	size, err := endLine(file, info.Size())
	if err != nil {
		_ = file.Close()
		return err
	}
	if f.file != nil {
		_ = f.file.Close()
	}
	f.file, f.info, f.size = file, info, size
	return nil
}

// maxLineBytes is how far back a line is looked for.
const maxLineBytes = maxPending

// endLine takes off the half line that a process has left behind whose disk was full,
// and returns the size.
func endLine(file *os.File, size int64) (int64, error) {
	reader, err := os.Open(file.Name())
	if err != nil {
		// One that may only be written to is none to look into.
		return size, nil
	}
	defer reader.Close()
	start := max(0, size-maxLineBytes)
	end := make([]byte, size-start)
	if _, err := reader.ReadAt(end, start); err != nil {
		return size, nil
	}
	whole := start + int64(bytes.LastIndexByte(end, '\n')) + 1
	if whole == size || whole == start && start > 0 {
		return size, nil
	}
	return whole, file.Truncate(whole)
}

// Write appends whole lines, or as many of them as there is room for. A file that
// cannot be begun anew goes on growing: a log that is too long is better than none.
func (f *File) Write(lines []byte) (int, error) {
	if f.lost() {
		// The old one, if it is only renamed, is better than none.
		_ = f.open()
	} else if f.size > 0 && f.size+int64(len(lines)) > f.max {
		f.rotate()
	}
	if info, err := f.file.Stat(); err == nil && removed(info) {
		return 0, &os.PathError{Op: "write", Path: f.path, Err: os.ErrNotExist}
	}
	n, err := f.file.Write(lines)
	if err != nil && n > 0 {
		n = bytes.LastIndexByte(lines[:n], '\n') + 1
		if truncated := f.file.Truncate(f.size + int64(n)); truncated != nil {
			err = errors.Join(err, truncated)
		}
	}
	f.size += int64(n)
	return n, err
}

// lost reports whether the path leads to another file than the one that is open, or
// to none.
func (f *File) lost() bool {
	info, err := os.Stat(f.path)
	return err != nil || !os.SameFile(info, f.info)
}

// removed reports whether no path leads to a file any more: nobody will read what is
// written to it.
func removed(info os.FileInfo) bool {
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && stat.Nlink == 0
}

func (f *File) rotate() {
	ext := filepath.Ext(f.path)
	if err := os.Rename(f.path, strings.TrimSuffix(f.path, ext)+".1"+ext); err != nil {
		return
	}
	// Where there is no file descriptor left the next write tries again.
	_ = f.open()
}

// Close closes the file.
func (f *File) Close() error { return f.file.Close() }
