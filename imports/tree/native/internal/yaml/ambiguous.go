package yaml

import (
	"regexp"
	"strings"
	"sync"
)

// isAmbiguous tells whether a YAML 1.1 reader takes a plain scalar for something other than a string.
func isAmbiguous(s string) bool {
	switch c := s[0]; {
	case c >= '0' && c <= '9':
		return isNumber(s) || isTimestamp(s)
	case c == '+' || c == '-' || c == '.':
		return isNumber(s) || isSpecialFloat(s)
	case strings.IndexByte("eE", c) >= 0:
		return isNumber(s)
	case len(s) > len("false"):
		return false
	}
	switch s {
	case "~", "null", "Null", "NULL",
		"y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON",
		"n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF":
		return true
	}
	return false
}

func isSpecialFloat(s string) bool {
	switch s {
	case ".nan", ".NaN", ".NAN":
		return true
	}
	switch strings.TrimLeft(s[:1], "+-") + s[1:] {
	case ".inf", ".Inf", ".INF":
		return true
	}
	return false
}

// isNumber knows integers in base 2, 8, 10, 16 and 60 and floats in base 10 and 60, all with underscores.
func isNumber(s string) bool {
	const (
		decimal = "0123456789_"
		hex     = decimal + "abcdefABCDEF"
	)
	if s[0] == '+' || s[0] == '-' {
		s = s[1:]
	}
	if rest, ok := strings.CutPrefix(s, "0b"); ok {
		return rest != "" && strings.Trim(rest, "01_") == ""
	}
	if rest, ok := strings.CutPrefix(s, "0x"); ok {
		return rest != "" && strings.Trim(rest, hex) == ""
	}
	if strings.HasPrefix(s, "_") {
		return false
	}
	rest := strings.TrimLeft(s, decimal)
	hasDigits := len(rest) < len(s)
	if rest == "" {
		return hasDigits
	}
	if hasDigits && rest[0] == ':' {
		return isSexagesimal(rest)
	}
	if rest[0] == '.' {
		rest = strings.TrimLeft(rest[1:], decimal)
		if rest == "" {
			return true
		}
	}
	if rest[0] != 'e' && rest[0] != 'E' {
		return false
	}
	exponent := rest[1:]
	if exponent != "" && (exponent[0] == '+' || exponent[0] == '-') {
		exponent = exponent[1:]
	}
	return exponent != "" && strings.Trim(exponent, "0123456789") == ""
}

// isSexagesimal tells whether s continues a number in base 60: ":59", ":5:30", ":30.25".
func isSexagesimal(s string) bool {
	for s != "" && s[0] == ':' {
		digits := len(s) - 1 - len(strings.TrimLeft(s[1:], "0123456789"))
		if digits < 1 || digits > 2 || digits == 2 && s[1] > '5' {
			return false
		}
		s = s[1+digits:]
	}
	return s == "" || s[0] == '.' && strings.Trim(s[1:], "0123456789_") == ""
}

var timestamp = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}` +
		`(?:(?:[tT]|[ \t]+)[0-9]{1,2}:[0-9]{1,2}:[0-9]{1,2}(?:\.[0-9]+)?` +
		`(?:[ \t]*(?:Z|[-+][012]?[0-9](?::[0-9]{2})?))?)?$`)
})

func isTimestamp(s string) bool {
	return len(s) >= len("2006-1-2") && s[4] == '-' && timestamp().MatchString(s)
}
