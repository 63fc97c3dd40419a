package problem

import "net/url"

// WebAddress checks the URL of a page.
func (l *List) WebAddress(at *Path, address string) {
	if !IsWebAddress(address) {
		l.Add(at, address, "is not the URL of a page; use for example \"https://example.com/runbooks/web\"")
	}
}

// IsWebAddress reports whether the text is a URL of HTTP.
func IsWebAddress(text string) bool {
	address, err := url.Parse(text)
	return err == nil && (address.Scheme == "http" || address.Scheme == "https") && address.Host != ""
}
