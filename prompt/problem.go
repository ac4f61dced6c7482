package prompt

import (
	"cmp"
	"fmt"
	"slices"
)

// A Level says how much a problem weighs.
type Level int

// An Error holds a save and keeps a project from being released; a Warning is
// only shown.
const (
	Error Level = iota
	Warning
)

// String returns "error" or "warning".
func (l Level) String() string {
	if l == Warning {
		return "warning"
	}
	return "error"
}

// MarshalText writes "error" or "warning".
func (l Level) MarshalText() ([]byte, error) { return []byte(l.String()), nil }

// UnmarshalText reads "error" or "warning".
func (l *Level) UnmarshalText(text []byte) error {
	switch string(text) {
	case "error":
		*l = Error
	case "warning":
		*l = Warning
	default:
		return fmt.Errorf("read level: %q is neither error nor warning", text)
	}
	return nil
}

// A Problem is what is wrong at one place of a file.
type Problem struct {
	Path    string `json:"path"` // relative to the organisation
	Line    int    `json:"line"` // from 1
	Col     int    `json:"col"`  // from 1, in characters (runes)
	Level   Level  `json:"level"`
	Rule    string `json:"rule"`           // an id of docs/rules.md
	Message string `json:"message"`        // one line
	Hint    string `json:"hint,omitempty"` // what to do, "" when the message says it all
}

// String returns path:line:col: message [rule].
func (p Problem) String() string {
	return fmt.Sprintf("%s:%d:%d: %s [%s]", p.Path, p.Line, p.Col, p.Message, p.Rule)
}

// sortProblems orders by path, line and column, then so that the order never
// depends on how the problems were found.
func sortProblems(problems []Problem) {
	slices.SortFunc(problems, func(a, b Problem) int {
		return cmp.Or(
			cmp.Compare(a.Path, b.Path), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Col, b.Col),
			cmp.Compare(a.Rule, b.Rule), cmp.Compare(a.Message, b.Message), cmp.Compare(a.Hint, b.Hint),
		)
	})
}
