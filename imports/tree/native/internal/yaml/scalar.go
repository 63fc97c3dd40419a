package yaml

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/crossoverJie/k8s-combat/imports/tree/native/internal/js"
)

// scalar writes a string in the first of these forms that can hold it: plain, or block where it has several lines and is
// not a key, or quoted.
func (w *writer) scalar(s string, indent int, key bool) {
	t := inspect(s)
	if t.nonASCII && !utf8.ValidString(s) {
		s = js.Valid(s)
		t = inspect(s)
	}
	switch {
	case t.control:
		w.doubleQuoted(s, indent, key)
	case t.multiline && !key:
		w.block(s, indent)
	case t.multiline || t.unsafe:
		w.quoted(s, indent, key)
	case indent == 0 && hasDocumentMarker(s):
		w.block(s, indent)
	case indent == 2 && key && hasDocumentMarker(s):
		w.quoted(s, indent, key)
	case isAmbiguous(s):
		w.quoted(s, indent, key)
	default:
		w.write(s)
	}
}

// traits are what the choice of a form depends on.
type traits struct {
	// multiline: there is a line feed.
	multiline bool
	// control: there is a character that only double quotes can hold.
	control bool
	// unsafe: a line that, as a plain scalar, would be read as syntax or not as a whole. Of several lines this says nothing.
	unsafe bool
	// nonASCII: there is a character beyond ASCII.
	nonASCII bool
}

func inspect(s string) (t traits) {
	if s == "" {
		return traits{unsafe: true}
	}
	switch s[0] {
	case '\t', ' ', ',', '[', ']', '{', '}', '#', '&', '*', '!', '|', '>', '\'', '"', '%', '@', '`':
		t.unsafe = true
	case '?', '-':
		t.unsafe = len(s) == 1 || s[1] == ' ' || s[1] == '\t'
	}
	var previous byte
	for i := range len(s) {
		c := s[i]
		switch {
		case c == '\n':
			t.multiline = true
		case c == ' ' || c == '\t':
			t.unsafe = t.unsafe || previous == ':'
		case c == '#':
			t.unsafe = t.unsafe || previous == ' ' || previous == '\t'
		case c < ' ' || c == 0x7F:
			t.control = true
		case c >= 0x80:
			t.nonASCII = true
			// U+0080 to U+009F
			t.control = t.control || previous == 0xC2 && c < 0xA0
		}
		previous = c
	}
	t.unsafe = t.unsafe || previous == ' ' || previous == '\t' || previous == ':'
	return t
}

// hasDocumentMarker tells whether a line begins like a directive or the border of a document. The regular expressions
// of JavaScript know four line ends.
func hasDocumentMarker(s string) bool {
	for {
		if strings.HasPrefix(s, "%") || strings.HasPrefix(s, "---") || strings.HasPrefix(s, "...") {
			return true
		}
		next := strings.IndexAny(s, "\n\r\u2028\u2029")
		if next < 0 {
			return false
		}
		_, size := utf8.DecodeRuneInString(s[next:])
		s = s[next+size:]
	}
}

// quoted prefers double quotes, unless they would have to be escaped and single ones would do as they are.
func (w *writer) quoted(s string, indent int, key bool) {
	if strings.Contains(s, `"`) && !strings.ContainsAny(s, "'\n") {
		w.write("'")
		w.write(s)
		w.write("'")
		return
	}
	w.doubleQuoted(s, indent, key)
}

// minMultiline is the length of a double quoted scalar from which on its line feeds may be written as such.
const minMultiline = 40

func (w *writer) doubleQuoted(s string, indent int, key bool) {
	start := len(w.out)
	w.out = js.AppendString(w.out, s)
	quoted := string(w.out[start:])
	if !strings.Contains(quoted, `\`) {
		return
	}
	w.out = w.out[:start]
	breakLines := !key && js.Length(quoted) >= minMultiline
	indent = quotedIndent(s, indent)
	for i := 0; i < len(quoted); i++ {
		switch rest := quoted[i:]; {
		case strings.HasPrefix(rest, ` \n`):
			w.write(`\ `)
		case rest[0] != '\\':
			w.out = append(w.out, rest[0])
		case rest[1] == 'u':
			w.write(shortEscape(rest[4:6]))
			i += len(`\u0000`) - 1
		case rest[1] == 'n' && breakLines && rest[2] != '"':
			w.write("\n\n") // the first line feed is folded when the scalar is read
			i++
			for ; strings.HasPrefix(quoted[i+1:], `\n`) && quoted[i+3] != '"'; i += len(`\n`) {
				w.write("\n")
			}
			w.indent(indent)
			if quoted[i+1] == ' ' {
				w.write(`\`)
			}
		default:
			w.write(rest[:2])
			i++
		}
	}
}

// shortEscape returns the escape of a control character that JSON writes as \u00 and two digits.
func shortEscape(digits string) string {
	switch digits {
	case "00":
		return `\0`
	case "07":
		return `\a`
	case "0b":
		return `\v`
	case "1b":
		return `\e`
	}
	return `\x` + digits
}

// quotedIndent indents the lines of a whole document that is one scalar where they might be taken for markers.
func quotedIndent(s string, indent int) int {
	if indent == 0 && hasDocumentMarker(s) {
		return 2
	}
	return indent
}

// block writes a string of several lines literally.
func (w *writer) block(s string, indent int) {
	body := strings.TrimRight(s, "\n\t ")
	end := s[len(body):]
	if isSpace(s) || endsInBlankLine(end) {
		w.quoted(s, indent, false)
		return
	}
	indent = quotedIndent(s, indent)

	w.write("|")
	if lead := body[:len(body)-len(strings.TrimLeft(body, "\n "))]; strings.Contains(lead, " ") {
		// A reader would take these spaces for indentation, so say how much of that there is. The root counts from -1.
		if indent == 0 {
			w.write("1")
		} else {
			w.write("2")
		}
	}
	switch strings.IndexByte(end, '\n') {
	case -1:
		w.write("-")
	case len(end) - 1:
		// The one line feed that a reader keeps unasked.
	default:
		w.write("+")
	}
	w.write("\n")
	for _, line := range splitLines(strings.TrimSuffix(s, "\n")) {
		w.indent(indent)
		w.write(line)
	}
}

// splitLines cuts s after each run of line feeds, so that what follows such a run is where an indent belongs.
func splitLines(s string) (lines []string) {
	for {
		end := strings.IndexByte(s, '\n')
		if end < 0 {
			return append(lines, s)
		}
		for end < len(s) && s[end] == '\n' {
			end++
		}
		if end == len(s) {
			return append(lines, s)
		}
		lines = append(lines, s[:end])
		s = s[end:]
	}
}

// isSpace tells whether s is white space, as JavaScript's regular expressions see it.
func isSpace(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool {
		const byteOrderMark = '\uFEFF'
		return r != byteOrderMark && !unicode.IsSpace(r)
	}) < 0
}

// endsInBlankLine tells whether the white space that ends a string ends in a line of spaces or tabs.
func endsInBlankLine(end string) bool {
	last := strings.LastIndexByte(end, '\n')
	return last >= 0 && last < len(end)-1
}
