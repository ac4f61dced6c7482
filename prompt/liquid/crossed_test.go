//go:build soak

package liquid_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/anvilpeering/anvil/prompt/liquid"
)

// Values and arguments of each kind, and filters by the number of arguments that they may have.
var (
	crossedValues = []string{
		"nil", "true", "false", "0", "7", "-3", "2.5", "-0.5", "3.0", "''", "' '", "'abc'", "'12'", "'-3.7x'", "'a b  c '", `'<b>&amp;"'`, "'größe'", "list", "empty_list",
		"nested", "objects", "object", "(1..3)", "'2024-03-05'",
	}
	crossedArguments = []string{"nil", "true", "0", "2", "-2", "1.5", "''", "' '", "'a'", "'2'", "'n'", "list", "object", "(1..2)"}
	crossedFilters   = []string{
		"abs base64_decode base64_encode base64_url_safe_decode base64_url_safe_encode capitalize ceil compact default downcase escape escape_once first floor join last " +
			"lstrip newline_to_br reverse round rstrip size sort sort_natural strip strip_html strip_newlines truncate truncatewords uniq upcase url_decode url_encode",
		"append at_least at_most compact concat date default divided_by join map minus modulo plus prepend remove remove_first remove_last replace replace_first round " +
			"slice sort sort_natural split times truncate truncatewords uniq where",
		"replace replace_first replace_last slice truncate truncatewords where",
	}
)

// TestSoakFilters compares each filter on each kind of value, with each kind of argument, with ruby-liquid.
func TestSoakFilters(t *testing.T) {
	with := map[string]any{
		"list": []any{3, "b", nil, "A"}, "empty_list": []any{}, "nested": []any{1, 2.5, []any{2, 1}}, "object": map[string]any{"n": 1, "a": "z"},
		"objects": []any{map[string]any{"n": 2, "a": "x"}, map[string]any{"n": 1, "a": nil}, map[string]any{"a": "B"}},
	}
	var questions []question
	ask := func(pipeline string) {
		source := "{% assign r = " + pipeline + " %}{% for item in r %}[{{ item }}]{% endfor %}{{ r }}|{{ r | join: ';' }}"
		questions = append(questions, question{Template: source, With: with})
	}
	for _, v := range crossedValues {
		for f := range strings.FieldsSeq(crossedFilters[0]) {
			ask(v + " | " + f)
		}
		for _, a := range crossedArguments {
			for f := range strings.FieldsSeq(crossedFilters[1]) {
				ask(fmt.Sprintf("%s | %s: %s", v, f, a))
			}
			for _, b := range crossedArguments {
				for f := range strings.FieldsSeq(crossedFilters[2]) {
					ask(fmt.Sprintf("%s | %s: %s, %s", v, f, a, b))
				}
			}
		}
	}
	right, refused := 0, 0
	for i, ruby := range askRuby(t, questions) {
		got, err := renderQuestion(questions[i])
		var e *liquid.Error
		switch {
		case errors.As(err, &e) && e.Rule == liquid.RuleInternal:
			t.Errorf("%q: %v", questions[i].Template, err)
		case err != nil:
			refused++
		case ruby.prints() && *ruby.Out == got:
			right++
		default:
			t.Errorf("%q\n got %q\nruby %s", questions[i].Template, got, ruby)
		}
	}
	t.Logf("%d right, %d refused", right, refused)
}
