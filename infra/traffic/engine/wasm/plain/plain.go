// Package plain reads JSON into maps, slices, texts, numbers and booleans. It is for the browser, where encoding/json
// would make the engine a quarter larger.
package plain

import (
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// Parse reads a text of JSON: objects as map[string]any, arrays as []any, numbers as int64 where they are whole, else as
// float64. It returns nil for what is no JSON.
func Parse(text string) any {
	p := &parser{text: text}
	value, ok := p.value(0)
	p.space()
	if !ok || p.at < len(text) {
		return nil
	}
	return value
}

type parser struct {
	text string
	at   int
}

// maxDepth is how deep values may be nested.
const maxDepth = 1000

func (p *parser) space() {
	for p.at < len(p.text) {
		switch p.text[p.at] {
		case ' ', '\t', '\r', '\n':
			p.at++
		default:
			return
		}
	}
}

// next is the next letter that is no space, 0 at the end.
func (p *parser) next() byte {
	p.space()
	if p.at == len(p.text) {
		return 0
	}
	return p.text[p.at]
}

func (p *parser) word(word string, value any) (any, bool) {
	if len(p.text)-p.at < len(word) || p.text[p.at:p.at+len(word)] != word {
		return nil, false
	}
	p.at += len(word)
	return value, true
}

func (p *parser) value(depth int) (any, bool) {
	if depth > maxDepth {
		return nil, false
	}
	switch c := p.next(); c {
	case '{':
		return p.object(depth)
	case '[':
		return p.array(depth)
	case '"':
		return p.string()
	case 't':
		return p.word("true", true)
	case 'f':
		return p.word("false", false)
	case 'n':
		return p.word("null", nil)
	default:
		return p.number()
	}
}

func (p *parser) object(depth int) (any, bool) {
	p.at++
	fields := map[string]any{}
	if p.next() == '}' {
		p.at++
		return fields, true
	}
	for {
		if p.next() != '"' {
			return nil, false
		}
		name, ok := p.string()
		if !ok || p.next() != ':' {
			return nil, false
		}
		p.at++
		value, ok := p.value(depth + 1)
		if !ok {
			return nil, false
		}
		fields[name] = value
		switch p.next() {
		case ',':
			p.at++
		case '}':
			p.at++
			return fields, true
		default:
			return nil, false
		}
	}
}

func (p *parser) array(depth int) (any, bool) {
	p.at++
	values := []any{}
	if p.next() == ']' {
		p.at++
		return values, true
	}
	for {
		value, ok := p.value(depth + 1)
		if !ok {
			return nil, false
		}
		values = append(values, value)
		switch p.next() {
		case ',':
			p.at++
		case ']':
			p.at++
			return values, true
		default:
			return nil, false
		}
	}
}

func (p *parser) string() (string, bool) {
	p.at++
	start := p.at
	for p.at < len(p.text) && p.text[p.at] != '"' && p.text[p.at] != '\\' {
		if p.text[p.at] < ' ' {
			return "", false
		}
		p.at++
	}
	if p.at < len(p.text) && p.text[p.at] == '"' {
		p.at++
		return p.text[start : p.at-1], true
	}
	out := []byte(p.text[start:p.at])
	for p.at < len(p.text) {
		c := p.text[p.at]
		p.at++
		switch {
		case c == '"':
			return string(out), true
		case c < ' ':
			return "", false
		case c != '\\':
			out = append(out, c)
		default:
			var ok bool
			if out, ok = p.escape(out); !ok {
				return "", false
			}
		}
	}
	return "", false
}

const escapes = "\"\\/bfnrt"

const escaped = "\"\\/\b\f\n\r\t"

func (p *parser) escape(out []byte) ([]byte, bool) {
	if p.at == len(p.text) {
		return nil, false
	}
	c := p.text[p.at]
	p.at++
	for i := range len(escapes) {
		if c == escapes[i] {
			return append(out, escaped[i]), true
		}
	}
	if c != 'u' {
		return nil, false
	}
	first, ok := p.unit()
	if !ok {
		return nil, false
	}
	if utf16.IsSurrogate(first) {
		before := p.at
		if _, ok := p.word(`\u`, nil); ok {
			if second, ok := p.unit(); ok {
				if whole := utf16.DecodeRune(first, second); whole != utf8.RuneError {
					return utf8.AppendRune(out, whole), true
				}
			}
		}
		p.at = before
		first = utf8.RuneError
	}
	return utf8.AppendRune(out, first), true
}

// unit is one of UTF-16, of four digits.
func (p *parser) unit() (rune, bool) {
	if len(p.text)-p.at < 4 {
		return 0, false
	}
	number, err := strconv.ParseUint(p.text[p.at:p.at+4], 16, 16)
	p.at += 4
	return rune(number), err == nil
}

func (p *parser) number() (any, bool) {
	start := p.at
	for p.at < len(p.text) {
		switch c := p.text[p.at]; {
		case c >= '0' && c <= '9', c == '-', c == '+', c == '.', c == 'e', c == 'E':
			p.at++
			continue
		}
		break
	}
	text := p.text[start:p.at]
	if whole, err := strconv.ParseInt(text, 10, 64); err == nil && text[0] != '+' {
		return whole, true
	}
	number, err := strconv.ParseFloat(text, 64)
	return number, err == nil && text[0] != '+' && text[0] != '.'
}
