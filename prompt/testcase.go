package prompt

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/anvilpeering/anvil/prompt/liquid"
)

// What the tests of one prompt may take together: a check of all prompts runs all
// tests.
const (
	maxTests       = 100
	maxTestsSteps  = 200_000
	maxTestsOutput = 1 << 20
)

// testCase is one item of `tests:`.
type testCase struct {
	name         string
	with         map[string]any
	expectations []expectation
	place        mark
}

// expectation is one word of a test's `expect:`, and where it stands.
type expectation struct {
	word  string // equals, contains, not_contains, roles, error
	want  string
	roles []string
	mark
}

func (r *reader) tests(n *yaml.Node, partial bool) []testCase {
	if n.Kind != yaml.SequenceNode {
		r.wrongType(n, "tests", "a list")
		return nil
	}
	if len(n.Content) > maxTests {
		r.at(n, ruleSchema, fmt.Sprintf("there are more than %d tests", maxTests), "")
		return nil
	}
	var tests []testCase
	for _, c := range n.Content {
		before := len(r.problems)
		o := r.object(c, "a test", false, "name", "with", "expect")
		if o == nil {
			continue
		}
		t := testCase{name: o.line("name"), with: o.free("with"), place: mark{c.Line, c.Column}}
		if expect := o.need("expect"); expect != nil {
			t.expectations = r.expectations(expect, partial)
		}
		if len(r.problems) == before && !r.compileOnly {
			tests = append(tests, t)
		}
	}
	return tests
}

func (r *reader) expectations(n *yaml.Node, partial bool) []expectation {
	o := r.object(n, "expect", false, "equals", "contains", "not_contains", "roles", "error")
	if o == nil {
		return nil
	}
	if o.size == 0 && len(n.Content) == 0 {
		r.at(n, ruleSchema, "expect is empty", "say what the rendered text contains")
		return nil
	}
	var out []expectation
	for _, word := range []string{"equals", "error", "contains", "not_contains"} {
		v := o.get(word)
		if v == nil {
			continue
		}
		items := []*yaml.Node{v}
		if v.Kind == yaml.SequenceNode && strings.HasSuffix(word, "contains") {
			items = v.Content
		}
		for _, item := range items {
			if s, ok := r.text(item, word); ok {
				out = append(out, expectation{word: word, want: s, mark: mark{item.Line, item.Column}})
			}
		}
	}
	if v := o.get("roles"); v != nil && partial {
		o.at(o.key("roles"), ruleSchema, "a partial has no roles", "a partial is text: say what it equals or contains")
	} else if v != nil {
		out = append(out, expectation{word: "roles", roles: o.texts("roles"), mark: mark{v.Line, v.Column}})
	}
	if o.get("error") != nil && o.size > 1 {
		r.at(o.key("error"), ruleSchema, "a test that expects an error expects nothing else", "")
	}
	return out
}

// A TestResult is what one of a prompt's tests came to.
type TestResult struct {
	Name      string // "" when its author gave none
	Number    int    // among the prompt's tests, from 1
	Line, Col int    // where it stands in the prompt's file
	Rendered  *Rendered
	Failures  []TestFailure // none when it is as expected
}

// A TestFailure is one expectation that is not met.
type TestFailure struct {
	Problem Problem // as the checker reports it, with its place
	Word    string  // equals, contains, not_contains, roles or error; "" when the prompt does not render
	Want    string  // what that word says, except for roles
}

// RunTests renders the prompt as its tests say, in their order. The tests share
// one budget, and calls may be concurrent.
func (p *Prompt) RunTests(ctx context.Context) []TestResult {
	results := make([]TestResult, 0, len(p.body.tests))
	budget := liquid.Budget{Steps: maxTestsSteps, Output: maxTestsOutput, Depth: maxRenderDepth, Used: new(liquid.Usage)}
	for i, t := range p.body.tests {
		result := TestResult{Name: t.name, Number: i + 1, Line: t.place.line, Col: t.place.col}
		fail := func(at mark, word, want, message, hint string) {
			problem := Problem{Path: p.Path, Line: at.line, Col: at.col, Rule: ruleTestFailed, Message: message, Hint: hint}
			result.Failures = append(result.Failures, TestFailure{problem, word, want})
		}
		what := fmt.Sprintf("test %d", i+1)
		if t.name != "" {
			what = fmt.Sprintf("the test %q", t.name)
		}
		rendered, err := p.render(ctx, t.with, budget)
		result.Rendered = rendered
		expectsError := slices.ContainsFunc(t.expectations, func(e expectation) bool { return e.word == "error" })
		if err != nil && !expectsError {
			message, hint := err.Error(), ""
			var advised interface{ Hint() string }
			if errors.As(err, &advised) {
				hint = advised.Hint()
			}
			message = strings.TrimPrefix(message, fmt.Sprintf("render %s: ", p.Address))
			fail(t.place, "", "", fmt.Sprintf("%s does not render: %s", what, message), hint)
		} else {
			for _, e := range t.expectations {
				if message, hint := e.check(rendered, err); message != "" {
					fail(e.mark, e.word, e.want, what+": "+message, hint)
				}
			}
		}
		results = append(results, result)
	}
	return results
}

// test runs the tests of a prompt and returns what is wrong with them.
func (p *Prompt) test() []Problem {
	var problems []Problem
	for _, result := range p.RunTests(context.Background()) {
		for _, f := range result.Failures {
			problems = append(problems, f.Problem)
		}
	}
	return problems
}

// check returns why an expectation is not met, or "".
func (e expectation) check(r *Rendered, err error) (message, hint string) {
	if e.word == "error" {
		switch {
		case err == nil:
			return fmt.Sprintf("it renders, and was expected to fail with %q", e.want), ""
		case !strings.Contains(err.Error(), e.want):
			return fmt.Sprintf("it fails, but not with %q", e.want), "it says: " + err.Error()
		}
		return "", ""
	}
	text := r.Text()
	excerpt := func() string { return fmt.Sprintf("it is %q", clip(text, 200)) }
	switch e.word {
	case "equals":
		if text != e.want {
			return fmt.Sprintf("the rendered text differs from what was expected%s", difference(text, e.want)), excerpt()
		}
	case "contains":
		if !strings.Contains(text, e.want) {
			return fmt.Sprintf("the rendered text does not contain %q", clip(e.want, 80)), excerpt()
		}
	case "not_contains":
		if i := strings.Index(text, e.want); i >= 0 {
			return fmt.Sprintf("the rendered text contains %q", clip(e.want, 80)), excerpt()
		}
	case "roles":
		var got []string
		for _, m := range r.Messages {
			got = append(got, m.Role)
		}
		if !slices.Equal(got, e.roles) {
			return fmt.Sprintf("the roles are %s", strings.Join(got, ", ")), "expected are " + strings.Join(e.roles, ", ")
		}
	}
	return "", ""
}

// difference says where two texts begin to differ.
func difference(got, want string) string {
	g, w := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range max(len(g), len(w)) {
		switch {
		case i >= len(g):
			return fmt.Sprintf(": it ends before line %d, %q", i+1, clip(w[i], 60))
		case i >= len(w):
			return fmt.Sprintf(": it goes on with line %d, %q", i+1, clip(g[i], 60))
		case g[i] != w[i]:
			return fmt.Sprintf(" in line %d: %q, not %q", i+1, clip(g[i], 60), clip(w[i], 60))
		}
	}
	return ""
}
