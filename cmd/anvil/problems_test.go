package main

import (
	"encoding/json"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/anvilpeering/anvil/prompt"
)

// The problem matcher of docs/rules.md reads what people are shown, and takes
// neither source lines nor hints for problems.
func TestProblemMatcher(t *testing.T) {
	page, err := os.ReadFile("../../docs/rules.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(page), "```json\n")
	block, _, _ := strings.Cut(rest, "```")
	var matcher struct {
		Pattern struct {
			Regexp                                      string
			File, Line, Column, Severity, Message, Code int
		}
	}
	if err := json.Unmarshal([]byte(block), &matcher); err != nil {
		t.Fatal(err)
	}
	var shown strings.Builder
	p := prompt.Problem{
		Path: "support/triage/a.yaml", Line: 12, Col: 8, Level: prompt.Warning, Rule: "unused-parameter",
		Message: `it is "a:1:2: error: b [c]"`, Hint: "a/b.yaml:1:1: error: no [x]",
	}
	printProblem(&shown, p, "a/b.yaml:1:1: error: neither [x]")
	pattern := regexp.MustCompile(matcher.Pattern.Regexp)
	matched := 0
	for line := range strings.Lines(shown.String()) {
		m := pattern.FindStringSubmatch(strings.TrimSuffix(line, "\n"))
		if m == nil {
			continue
		}
		matched++
		at := matcher.Pattern
		if m[at.File] != p.Path || m[at.Line] != "12" || m[at.Column] != "8" || m[at.Severity] != "warning" || m[at.Message] != p.Message || m[at.Code] != p.Rule {
			t.Errorf("%q is read as %q", line, m)
		}
	}
	if matched != 1 {
		t.Errorf("%d lines of %q are problems", matched, shown.String())
	}
}
