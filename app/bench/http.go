//go:build linux

package main

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
)

// conversation is what a client and a server say on one connection, a request at a time. It allocates nothing for each.
type conversation interface {
	// ask appends the next request to out.
	ask(out []byte) []byte
	// receive takes in what has come since the last call, and what was not used up then. It appends what it has to say at
	// once to out, and returns that, how much of data is used up, and whether the answer is complete. An error is an
	// answer that is not as it should be, after which the connection is of no use.
	receive(data, out []byte) (reply []byte, used int, answered bool, err error)
}

// get asks for a path by HTTP/1.1.
type get struct{ request []byte }

func newGet(path string) conversation {
	return get{[]byte("GET " + path + " HTTP/1.1\r\nHost: localhost\r\nUser-Agent: bench\r\n\r\n")}
}

func (g get) ask(out []byte) []byte { return append(out, g.request...) }

var (
	statusOK      = []byte("HTTP/1.1 200 ")
	endOfHeader   = []byte("\r\n\r\n")
	contentLength = []byte("\r\nContent-Length: ")
)

func (g get) receive(data, out []byte) ([]byte, int, bool, error) {
	header := bytes.Index(data, endOfHeader)
	if header < 0 {
		return out, 0, false, nil
	}
	length, err := bodyLength(data[:header+len(endOfHeader)])
	end := header + len(endOfHeader) + length
	if err != nil || len(data) < end {
		return out, 0, false, err
	}
	if len(data) > end {
		return out, 0, false, errors.New("more than one answer to a request")
	}
	return out, end, true, nil
}

// bodyLength returns the length of the body after a header that says 200.
func bodyLength(header []byte) (int, error) {
	if !bytes.HasPrefix(header, statusOK) {
		line, _, _ := bytes.Cut(header, []byte("\r\n"))
		return 0, fmt.Errorf("answer %q", line)
	}
	_, rest, ok := bytes.Cut(header, contentLength)
	if !ok {
		return 0, errors.New("answer without Content-Length")
	}
	digits, _, _ := bytes.Cut(rest, []byte("\r\n"))
	length, err := strconv.Atoi(string(digits))
	if err != nil || length < 0 {
		return 0, fmt.Errorf("Content-Length %q", digits)
	}
	return length, nil
}
