// Package redact hides passwords in text that people read.
package redact

import (
	"regexp"
	"strings"
)

// Mask stands where a secret was.
const Mask = "***"

// key=value pairs whose key speaks of a secret: in the query of a URL
// ("?password=pw") and in a libpq connection string ("host=db password='p w'").
// A quote that is never closed runs to the end.
var (
	secretInQuery = regexp.MustCompile(`(?is)([\w-]*(?:pass|pwd|secret|token)[\w-]*=)[^&]+`)
	secretInDSN   = regexp.MustCompile(`(?is)([\w-]*(?:pass|pwd|secret|token)[\w-]*\s*=\s*)` +
		`(?:'(?:[^'\\]|\\.|'')*(?:'\S*|\\?$)|"(?:[^"]|"")*(?:"\S*|$)|(?:\\.|\S)+)`)
)

var scheme = regexp.MustCompile(`^(?i:(?:jdbc:)?[a-z][a-z0-9+.-]*)$`)

// URL returns a connection URL or a key=value connection string with its
// passwords replaced by Mask, and the rest as it was.
//
// It does not ask net/url, which refuses exactly the URLs that leak: those whose
// password holds an unescaped "/", "#", "?" or "@". The user info ends at the last
// "@", wherever it is. Of an unusual URL, such as one with an "@" in its query,
// this hides more than the password, never less.
func URL(s string) string {
	before, after, found := strings.Cut(s, "://")
	if !found || !scheme.MatchString(before) {
		return maskUserInfo(secretInDSN.ReplaceAllString(s, "${1}"+Mask))
	}
	return before + "://" + secretInQuery.ReplaceAllString(maskUserInfo(after), "${1}"+Mask)
}

// maskUserInfo hides what stands between the first ":" and the last "@".
func maskUserInfo(s string) string {
	at := strings.LastIndexByte(s, '@')
	if at < 0 {
		return s
	}
	colon := strings.IndexByte(s[:at], ':')
	if colon < 0 {
		return s
	}
	return s[:colon+1] + Mask + s[at:]
}

// quoted is a value that a parser's message repeats. The value may hold the quote
// too, so it ends at the last one.
var quoted = regexp.MustCompile("(?s)`.*`|'.*'|\".*\"")

// Quotes returns a parser's message without the pieces of input that it quotes:
// where the input is broken, a secret may be anywhere in it.
func Quotes(message string) string {
	return quoted.ReplaceAllString(message, Mask)
}
