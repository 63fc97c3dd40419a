package config

import (
	"fmt"
	"io"
	"log/slog"

	"github.com/crossoverJie/k8s-combat/app/internal/redact"
)

// Secret is a string that does not print: whichever way it is formatted, logged
// or marshalled, it is redact.Mask, or empty if there is none.
type Secret string

// Reveal returns the secret itself.
func (s Secret) Reveal() string { return string(s) }

func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return redact.Mask
}

// Format covers every verb, %x and %#v among them.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, s.String()) }

// LogValue implements slog.LogValuer.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// MarshalText implements encoding.TextMarshaler, for JSON among others.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }
