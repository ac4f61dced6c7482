package main

import (
	"bytes"
	"encoding/json"
	"regexp"
	"strings"
	"testing"

	"github.com/anvilpeering/anvil/daemon"
	"github.com/anvilpeering/anvil/prompt"
)

// matcher is a problem matcher of VS Code, as far as a test can be one.
type matcher struct {
	Background struct{ BeginsPattern, EndsPattern string }
	Pattern    struct {
		Regexp                                      string
		File, Line, Column, Severity, Message, Code int
	}
}

// matchers are those of the tasks that are written, by label.
func matchers(t *testing.T) map[string]matcher {
	t.Helper()
	var file struct {
		Tasks []struct {
			Label          string
			ProblemMatcher json.RawMessage
		}
	}
	if err := json.Unmarshal([]byte(vscodeTasks), &file); err != nil {
		t.Fatal(err)
	}
	all := map[string]matcher{}
	for _, task := range file.Tasks {
		var m matcher
		if json.Unmarshal(task.ProblemMatcher, &m) == nil {
			all[task.Label] = m
		}
	}
	return all
}

// seen are the problems that a matcher reads in some output, those of a watching
// task from the last time that it began.
func (m matcher) seen(output string) []string {
	pattern := regexp.MustCompile(m.Pattern.Regexp)
	var all []string
	open := m.Background.BeginsPattern == ""
	for line := range strings.Lines(output) {
		line = strings.TrimSuffix(line, "\n")
		switch {
		case !open && regexp.MustCompile(m.Background.BeginsPattern).MatchString(line):
			open, all = true, nil
		case open && m.Background.EndsPattern != "" && regexp.MustCompile(m.Background.EndsPattern).MatchString(line):
			open = false
		case open:
			if g := pattern.FindStringSubmatch(line); g != nil {
				all = append(all, strings.Join([]string{g[m.Pattern.File], g[m.Pattern.Line], g[m.Pattern.Column], g[m.Pattern.Severity], g[m.Pattern.Message], g[m.Pattern.Code]}, "|"))
			}
		}
	}
	return all
}

// An editor reads what check and watch print by the tasks that init writes.
func TestProblemMatchers(t *testing.T) {
	unknown := prompt.Problem{Path: "a/s/p.yaml", Line: 3, Col: 7, Level: prompt.Error, Rule: "undeclared-parameter", Message: `unknown parameter "x" [y]`, Hint: "declare it"}
	unused := prompt.Problem{Path: "a/s/q.yaml", Line: 1, Col: 1, Level: prompt.Warning, Rule: "unused-parameter", Message: "z: it is not used"}
	var out bytes.Buffer
	printProblem(&out, unknown, `  content: "{{ x }}"`)
	printProblem(&out, unused, "")
	const first, second = `a/s/p.yaml|3|7|error|unknown parameter "x" [y]|undeclared-parameter`, `a/s/q.yaml|1|1|warning|z: it is not used|unused-parameter`
	check := func(label, output string, want ...string) {
		t.Helper()
		if got := matchers(t)[label].seen(output); strings.Join(got, "\n") != strings.Join(want, "\n") {
			t.Errorf("%s reads\n%q\nnot\n%q\nin\n%s", label, got, want, output)
		}
	}
	check("anvil: check", out.String(), first, second)

	var lines bytes.Buffer
	h := &heldFiles{app: &app{out: &lines}}
	hold := func(path string, p prompt.Problem) daemon.Hold {
		return daemon.Hold{Path: path, Kind: daemon.HeldProblems, Reason: p.Message, Problems: []prompt.Problem{p}}
	}
	one, two := hold("a/s/p.yaml", unknown), hold("a/s/q.yaml", unused)
	moved := daemon.Hold{Path: "a/s/r.yaml", Kind: daemon.HeldMoved, Reason: "the branch has moved"}
	h.print(daemon.Event{Kind: daemon.EventHeld, Hold: &one})
	check("anvil: watch", lines.String(), first)
	h.print(daemon.Event{Kind: daemon.EventHeld, Hold: &two})
	check("anvil: watch", lines.String(), first, second)
	h.print(daemon.Event{Kind: daemon.EventCommitted, Paths: []string{"a/s/other.yaml"}})
	check("anvil: watch", lines.String(), first, second)
	h.print(daemon.Event{Kind: daemon.EventMended, Hold: &one})
	check("anvil: watch", lines.String(), second)
	h.print(daemon.Event{Kind: daemon.EventHeld, Hold: &moved})
	check("anvil: watch", lines.String(), second, "a/s/r.yaml|1|1|error|the branch has moved|moved")
	h.print(daemon.Event{Kind: daemon.EventMended, Hold: &two})
	h.print(daemon.Event{Kind: daemon.EventMended, Hold: &moved})
	check("anvil: watch", lines.String())
}
