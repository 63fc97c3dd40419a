// Package redact hides passwords in text that people read.
package redact

import (
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// Mask stands where a secret was.
const Mask = "***"

// harmless are the keys whose values are shown, in lower case. What secrets are
// called nobody can list.
var harmless = []string{
	"application_name", "applicationname", "authsource", "catalog", "charset", "collation", "connect_timeout", "database", "db", "dbname", "encrypt",
	"host", "hostaddr", "initial catalog", "loc", "parsetime", "port", "replicaset", "retrywrites", "schema", "search_path", "server", "sslmode", "ssl",
	"target_session_attrs", "timeout", "timezone", "tls", "uid", "user", "user id", "username",
}

func isHarmless(key string) bool {
	return slices.Contains(harmless, strings.ToLower(strings.TrimSpace(key)))
}

var (
	scheme = regexp.MustCompile(`^(?i:(?:jdbc:)?[a-z][a-z0-9+.-]*)$`)
	// web is where the user alone is a secret too, such as a token.
	web = regexp.MustCompile(`^(?i:(?:git\+)?https?|ssh|git)$`)
)

// URL returns a connection URL or a key=value connection string with its
// passwords replaced by Mask, and of its parameters the values of all that are not
// known to be harmless.
//
// It does not ask net/url, which refuses exactly the URLs that leak: those whose
// password holds an unescaped "/", "#", "?" or "@". The user info ends at the last
// "@", wherever it is. Of an unusual URL, such as one with an "@" in its query,
// this hides more than the password, never less.
func URL(s string) string {
	before, after, found := strings.Cut(s, "://")
	if !found || !scheme.MatchString(before) {
		if pair.MatchString(s) {
			return maskPairs(s)
		}
		return maskUserInfo(s)
	}
	if at := strings.LastIndexByte(after, '@'); at >= 0 && web.MatchString(before) {
		after = Mask + after[at:]
	}
	after = maskUserInfo(after)
	if i := strings.IndexAny(after, "?#;"); i >= 0 {
		after = after[:i] + maskParameters(after[i:])
	}
	return before + "://" + after
}

// maskUserInfo hides what stands between the first ":" and the last "@", or before
// that where there is no ":".
func maskUserInfo(s string) string {
	at := strings.LastIndexByte(s, '@')
	if at < 0 {
		return s
	}
	return s[:strings.IndexByte(s[:at], ':')+1] + Mask + s[at:]
}

// maskParameters hides the values of parameters, each after a "?", "&", ";" or "#".
func maskParameters(s string) string {
	var masked strings.Builder
	for s != "" {
		masked.WriteByte(s[0])
		s = s[1:]
		end := strings.IndexAny(s, "?&;#")
		if end < 0 {
			end = len(s)
		}
		masked.WriteString(maskParameter(s[:end]))
		s = s[end:]
	}
	return masked.String()
}

func maskParameter(s string) string {
	key, value, ok := strings.Cut(s, "=")
	name, err := url.QueryUnescape(key)
	switch {
	case s == "" || ok && value == "":
		return s
	case !ok:
		return Mask
	case err == nil && isHarmless(name) && !strings.ContainsAny(value, "@ "):
		return s
	default:
		return key + "=" + Mask
	}
}

const pairKey = `((?i:user id|initial catalog|[\w.-]+))\s*=\s*`

var (
	// pair is the key of a connection string as libpq has it ("host=db password='p
	// w'"), or ADO ("User Id=me;Password=p w;").
	pair      = regexp.MustCompile(pairKey)
	pairStart = regexp.MustCompile("^" + pairKey)
	// inQuotes is a value in quotes, and what directly follows. A quote that is never
	// closed runs to the end.
	inQuotes = regexp.MustCompile(`(?s)^(?:'(?:[^'\\]|\\.|'')*(?:'[^\s;]*|\\?$)|"(?:[^"]|"")*(?:"[^\s;]*|$))`)
)

// maskPairs hides the values of a connection string, and what is no pair.
func maskPairs(s string) string {
	var masked strings.Builder
	for s != "" {
		at := pair.FindStringSubmatchIndex(s)
		if at == nil {
			at = []int{len(s), len(s), len(s), len(s)}
		}
		if before := s[:at[0]]; strings.Trim(before, " ;\t\r\n") != "" {
			masked.WriteString(Mask + " ")
		} else {
			masked.WriteString(before)
		}
		key := s[at[2]:at[3]]
		masked.WriteString(s[at[0]:at[1]])
		s = s[at[1]:]
		length := valueLength(s)
		value := s[:length]
		switch {
		case value == "", isHarmless(key) && !strings.ContainsAny(value, "@'\" \\"):
			masked.WriteString(value)
		default:
			masked.WriteString(Mask)
		}
		s = s[length:]
	}
	return masked.String()
}

// valueLength returns the length of the value that s begins with: up to a ";", or to
// the space before another key.
func valueLength(s string) int {
	if quoted := inQuotes.FindString(s); quoted != "" {
		return len(quoted)
	}
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case ';':
			return i
		case ' ', '\t', '\r', '\n':
			rest := strings.TrimLeft(s[i:], " \t\r\n")
			if rest == "" || pairStart.MatchString(rest) {
				return i
			}
		}
	}
	return len(s)
}

// attributes are the beginnings of OpenTelemetry's resource attributes whose values
// are shown.
var attributes = []string{"service.", "deployment.", "k8s.", "host.", "container.", "cloud.", "telemetry.", "process.", "os."}

// Attributes returns a list KEY=VALUE,... with the values replaced by Mask whose keys
// are not of OpenTelemetry's conventions for what everybody may know.
func Attributes(list string) string {
	pairs := strings.Split(list, ",")
	for i, p := range pairs {
		key, _, ok := strings.Cut(p, "=")
		known := slices.ContainsFunc(attributes, func(a string) bool { return strings.HasPrefix(strings.TrimSpace(key), a) })
		switch {
		case !ok && p != "":
			pairs[i] = Mask
		case ok && !known:
			pairs[i] = key + "=" + Mask
		}
	}
	return strings.Join(pairs, ",")
}

// quoted is a value that a parser's message repeats. The value may hold the quote
// too, so it ends at the last one.
var quoted = regexp.MustCompile("(?s)`.*`|'.*'|\".*\"")

// Quotes returns a parser's message without the pieces of input that it quotes:
// where the input is broken, a secret may be anywhere in it.
func Quotes(message string) string {
	return quoted.ReplaceAllString(message, Mask)
}
