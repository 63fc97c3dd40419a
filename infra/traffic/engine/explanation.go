package engine

import (
	"slices"
	"strconv"
	"strings"
)

// Explanation is the way that a request takes.
type Explanation struct {
	// Request is what was asked, as a line.
	Request string `json:"request"`
	// Steps are in the order in which the request takes them.
	Steps []Step `json:"steps"`
	// Outcome is what comes of it.
	Outcome Outcome `json:"outcome"`
	// Status is what the caller sees where it is no pod that answers, and where all requests have the same. Zero where pods
	// answer, where the connection is reset, and where it is not decided.
	Status int `json:"status,omitempty"`
	// Location is where a redirect leads.
	Location string `json:"location,omitempty"`
	// Shares are where of 100 requests how many go.
	Shares []Share `json:"shares,omitempty"`
	// Mirrors are those that are sent a copy, of which the caller sees nothing.
	Mirrors []Share `json:"mirrors,omitempty"`
	// Wait is how long a caller can wait. Nil where a proxy answers at once, or where nothing is known.
	Wait *Wait `json:"wait,omitempty"`
	// Undecided is what cannot be told from manifests.
	Undecided []string `json:"undecided,omitempty"`
	// Nearest is the rule that is the closest to a request that no rule takes.
	Nearest string `json:"nearest,omitempty"`
	// UnknownHost says that nothing in the set is about the host.
	UnknownHost bool `json:"unknownHost,omitempty"`
	// Summary is the outcome in a sentence.
	Summary string `json:"summary"`
}

// Outcome is what comes of a request.
type Outcome string

// Outcomes.
const (
	// Arrives: pods, or a host outside, answer all requests.
	Arrives Outcome = "arrives"
	// Answered: a proxy answers itself, as a rule says.
	Answered Outcome = "answered"
	// Redirected: the caller is sent elsewhere.
	Redirected Outcome = "redirected"
	// Fails: a proxy answers with an error.
	Fails Outcome = "fails"
	// Denied: a policy keeps it out.
	Denied Outcome = "denied"
	// Reset: the connection is closed without an answer.
	Reset Outcome = "reset"
	// Mixed: some requests have another outcome than others.
	Mixed Outcome = "mixed"
	// Open: manifests do not tell.
	Open Outcome = "undecided"
)

// Step is a step on the way.
type Step struct {
	// What is the kind of step: caller, gateway, host, rule and so on.
	What string `json:"what"`
	// Verdict is "yes" for the rule that takes the request and "no" for each before it.
	Verdict string `json:"verdict,omitempty"`
	// Object and Place are what decides, and where it is written; Field is the part of it.
	Object string `json:"object,omitempty"`
	Field  string `json:"field,omitempty"`
	Place  string `json:"place,omitempty"`
	Text   string `json:"text"`
}

// Share is a destination, and of 100 requests how many it gets.
type Share struct {
	Percent   float64 `json:"percent"`
	Service   string  `json:"service,omitempty"`
	Port      int     `json:"port,omitempty"`
	Subset    string  `json:"subset,omitempty"`
	Namespace string  `json:"namespace,omitempty"`
	// Workload is KIND NAME of whose pods answer, and Name its name alone. Both are empty for what is not in the cluster.
	Workload string `json:"workload,omitempty"`
	Name     string `json:"name,omitempty"`
	Pods     int    `json:"pods,omitempty"`
	PodPort  int    `json:"podPort,omitempty"`
	// Path, Host and Headers are what arrives.
	Path    string   `json:"path,omitempty"`
	Host    string   `json:"host,omitempty"`
	Headers []Header `json:"headers,omitempty"`
	// Outcome of these requests, with the status that callers see, and why it is no answer of a pod.
	Outcome Outcome `json:"outcome"`
	Status  int     `json:"status,omitempty"`
	Why     string  `json:"why,omitempty"`
}

// Wait is how long a caller can wait for an answer.
type Wait struct {
	// Bounded says that there is a longest time. Without, a caller waits as long as the server takes.
	Bounded bool `json:"bounded"`
	// Longest is the longest time, whatever the server does: with all retries and delays.
	Longest Duration `json:"longestNanoseconds,omitempty"`
	// Silent is after what time a caller is told 504 by a server that takes the request and never answers. It is shorter than
	// Longest where a try that ran out of time is not tried again.
	Silent Duration `json:"silentNanoseconds,omitempty"`
	Tries  int      `json:"tries"`
	Text   string   `json:"text"`
}

// width of the names of steps.
const width = 10

// String writes an explanation, a step a line.
func (e *Explanation) String() string {
	var text strings.Builder
	line := func(what, verdict, rest, place string) {
		_, _ = text.WriteString(what)
		for range max(width-len(what), 1) {
			_ = text.WriteByte(' ')
		}
		if verdict != "" {
			_, _ = text.WriteString(verdict)
			for range 4 - len(verdict) {
				_ = text.WriteByte(' ')
			}
		}
		_, _ = text.WriteString(clean(rest))
		if place != "" {
			_, _ = text.WriteString(" (" + clean(place) + ")")
		}
		_ = text.WriteByte('\n')
	}
	line("request", "", e.Request, "")
	for _, step := range e.Steps {
		subject := strings.TrimSpace(step.Object + " " + step.Field)
		if subject != "" && step.Text != "" {
			subject += ": "
		}
		line(step.What, step.Verdict, subject+step.Text, step.Place)
	}
	if e.Wait != nil {
		line("wait", "", e.Wait.Text, "")
	}
	for _, one := range e.Undecided {
		line("undecided", "", one, "")
	}
	if e.Nearest != "" {
		line("nearest", "", e.Nearest, "")
	}
	line("result", "", e.Summary, "")
	return text.String()
}

// clean keeps a text on its line, and off what a terminal takes for commands.
func clean(text string) string {
	return strings.Map(func(c rune) rune {
		if c < ' ' || c == 0x7f || c >= 0x80 && c < 0xa0 || c == 0x2028 || c == 0x2029 || c >= 0x202a && c <= 0x202e || c >= 0x2066 && c <= 0x2069 {
			return '\ufffd'
		}
		return c
	}, text)
}

func percentText(percent float64) string {
	text := strconv.FormatFloat(percent, 'f', 2, 64)
	return strings.TrimSuffix(strings.TrimRight(text, "0"), ".") + " %"
}

func plural(count int, one string) string {
	many := one + "s"
	if stem, ok := strings.CutSuffix(one, "ry"); ok {
		many = stem + "ries"
	}
	if count == 1 {
		return "1 " + one
	}
	return strconv.Itoa(count) + " " + many
}

func labelText(labels map[string]string) string {
	names := make([]string, 0, len(labels))
	for name := range labels {
		names = append(names, name)
	}
	slices.Sort(names)
	for i, name := range names {
		names[i] = name + "=" + labels[name]
	}
	return strings.Join(names, ",")
}
