package logging

import (
	"log/slog"
	"strconv"
	"time"
	"unicode/utf8"
)

// Request is what is logged of an HTTP request or a gRPC call. Its query and its
// other headers may hold secrets. Of texts that are empty there is no field.
type Request struct {
	Level slog.Level
	// Message is the field msg.
	Message string
	Start   time.Time
	// Duration is the time it took.
	Duration time.Duration
	// Method and Path are those of HTTP. A gRPC call has its full method as Method,
	// and no Path.
	Method, Path string
	// Status is that of HTTP, or 0.
	Status int
	// Code is the status of gRPC.
	Code string
	// Bytes is the size of the body of an answer of HTTP.
	Bytes int64
	// TraceID and RequestID are those by which proxies and tracing know it.
	TraceID, RequestID string
	// Version is the version that the caller asked for.
	Version string
	// Client is the address of the peer, without a port: the caller, or its proxy.
	Client string
	// UserAgent is the caller's program.
	UserAgent string
}

// maxText bounds the texts that a caller chooses.
const maxText = 256

// Append appends r as a line of JSON, as slog's handler would write it, to line.
func (i *Identity) Append(line []byte, r *Request) []byte {
	line = append(line, `{"time":"`...)
	line = r.Start.Add(r.Duration).AppendFormat(line, time.RFC3339Nano)
	line = append(line, `","level":"`...)
	line = append(line, r.Level.String()...)
	line = append(line, `","msg":"`...)
	line = append(line, r.Message...)
	line = append(line, '"')
	line = append(line, i.current.Load().encoded...)
	line = appendText(line, `,"method":`, r.Method)
	line = appendText(line, `,"path":`, r.Path)
	if r.Status != 0 {
		line = append(line, `,"status":`...)
		line = strconv.AppendInt(line, int64(r.Status), 10)
	}
	line = appendText(line, `,"code":`, r.Code)
	line = append(line, `,"duration_ms":`...)
	line = appendMilliseconds(line, r.Duration)
	if r.Status != 0 {
		line = append(line, `,"bytes":`...)
		line = strconv.AppendInt(line, r.Bytes, 10)
	}
	line = appendText(line, `,"trace_id":`, r.TraceID)
	line = appendText(line, `,"request_id":`, r.RequestID)
	line = appendText(line, `,"version":`, r.Version)
	line = appendText(line, `,"client_address":`, r.Client)
	line = appendText(line, `,"user_agent":`, r.UserAgent)
	return append(line, '}', '\n')
}

// appendMilliseconds appends d in milliseconds, to the microsecond.
func appendMilliseconds(line []byte, d time.Duration) []byte {
	micros := d.Microseconds()
	line = strconv.AppendInt(line, micros/1000, 10)
	if rest := micros % 1000; rest > 0 {
		line = append(line, '.', byte('0'+rest/100), byte('0'+rest/10%10), byte('0'+rest%10))
	}
	return line
}

func appendText(line []byte, key, text string) []byte {
	if text == "" {
		return line
	}
	if len(text) > maxText {
		end := maxText
		for end > 0 && !utf8.RuneStart(text[end]) {
			end--
		}
		text = text[:end]
	}
	return appendString(append(line, key...), text)
}

const hex = "0123456789abcdef"

// appendString appends text as a JSON string.
func appendString(line []byte, text string) []byte {
	line = append(line, '"')
	start := 0
	for i := 0; i < len(text); {
		c := text[i]
		if c < utf8.RuneSelf {
			if c >= ' ' && c != '"' && c != '\\' && c != 0x7f {
				i++
				continue
			}
			line = append(line, text[start:i]...)
			switch c {
			case '"', '\\':
				line = append(line, '\\', c)
			case '\n':
				line = append(line, '\\', 'n')
			default:
				line = append(line, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
			}
			i++
			start = i
			continue
		}
		r, size := utf8.DecodeRuneInString(text[i:])
		if r == utf8.RuneError && size == 1 || isTricky(r) {
			line = append(line, text[start:i]...)
			if size == 1 {
				line = append(line, `\ufffd`...)
			} else {
				line = appendEscape(line, r)
			}
			i += size
			start = i
			continue
		}
		i += size
	}
	line = append(line, text[start:]...)
	return append(line, '"')
}

func appendEscape(line []byte, r rune) []byte {
	return append(line, '\\', 'u', hex[r>>12&15], hex[r>>8&15], hex[r>>4&15], hex[r&15])
}

// isTricky reports whether a character does something to a terminal or an editor that
// shows the line: it controls the one, breaks a line, or has the text beside it go
// the other way round, or not be seen.
func isTricky(r rune) bool {
	switch {
	case r >= 0x80 && r < 0xa0, // C1 controls, CSI among them
		r == 0x61c, r >= 0x200b && r <= 0x200f, r >= 0x2028 && r <= 0x202e, r >= 0x2060 && r <= 0x206f, r == 0xfeff:
		return true
	}
	return false
}

// escaper escapes what is tricky in lines of JSON, where it can only be part of a
// text.
type escaper struct{ Output }

func (e escaper) Write(lines []byte) (int, error) {
	if _, err := e.Output.Write(escape(lines)); err != nil {
		return 0, err
	}
	return len(lines), nil
}

func escape(lines []byte) []byte {
	var escaped []byte
	start := 0
	for i := 0; i < len(lines); {
		if lines[i] < utf8.RuneSelf {
			i++
			continue
		}
		r, size := utf8.DecodeRune(lines[i:])
		if isTricky(r) {
			escaped = appendEscape(append(escaped, lines[start:i]...), r)
			start = i + size
		}
		i += size
	}
	if start == 0 {
		return lines
	}
	return append(escaped, lines[start:]...)
}
