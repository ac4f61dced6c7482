package liquid_test

import (
	"context"
	"errors"
	"fmt"
	"sort"
	"strings"
	"testing"

	"github.com/anvilpeering/anvil/prompt/liquid"
)

// TestGenerated compares templates that nobody thought of with ruby-liquid: what Anvil prints is what Ruby prints.
func TestGenerated(t *testing.T) {
	t.Parallel()
	s := compareGenerated(t, newAuthor(5), 4000)
	t.Log(s)
	if s.refused*100 > 45*(s.refused+s.right) {
		t.Errorf("too much is refused for a comparison")
	}
}

// A score is what came of a comparison with Ruby.
type score struct {
	right, refused int
	reasons        map[string]int // of what was refused, by message
}

func (s score) String() string {
	var why []string
	for reason, n := range s.reasons {
		why = append(why, fmt.Sprintf("%6d %s", n, reason))
	}
	sort.Sort(sort.Reverse(sort.StringSlice(why)))
	return fmt.Sprintf("%d right, %d refused\n%s", s.right, s.refused, strings.Join(why[:min(25, len(why))], "\n"))
}

// compareGenerated asks both engines n times.
func compareGenerated(t *testing.T, a *author, n int) score {
	t.Helper()
	questions := make([]question, n)
	for i := range questions {
		questions[i] = a.question()
	}
	s := score{reasons: map[string]int{}}
	for i, ruby := range askRuby(t, questions) {
		q := questions[i]
		got, err := renderQuestion(q)
		var e *liquid.Error
		switch {
		case err == nil && ruby.prints() && *ruby.Out == got:
			s.right++
		case len(ruby.Errors) == 1 && strings.HasSuffix(ruby.Errors[0], "Memory limits exceeded"):
			s.refused++ // by the oracle, which is not to take all memory of the machine
		case err == nil:
			t.Errorf("%q\npartials %q\nwith %v\n got %q\nruby %s", q.Template, q.Partials, q.With, got, ruby)
		case errors.As(err, &e) && e.Rule == liquid.RuleInternal:
			t.Errorf("%q: %v", q.Template, err)
		case e != nil && e.Rule == liquid.RuleUndefined && e.Name == "" && !sized(e) && ruby.prints() && len(ruby.Undefined) == 0:
			t.Errorf("%q\npartials %q\nwith %v\n got %v\nruby %s", q.Template, q.Partials, q.With, err, ruby)
		default:
			s.refused++
			reason := err.Error()
			if e != nil {
				reason = e.Message
			}
			if ruby.prints() && len(ruby.Undefined) == 0 {
				reason += " (ruby prints)"
			}
			s.reasons[reason]++
		}
	}
	return s
}

// sized is the one key that Ruby has and Anvil has not: in Ruby a number's size is the number of its bytes.
func sized(e *liquid.Error) bool { return strings.HasSuffix(e.Message, "a number has no size") }

func renderQuestion(q question) (string, error) {
	t, problems := liquid.Compile(q.Template)
	if t == nil {
		return "", errors.New(problems[0].Message)
	}
	return t.Render(context.Background(), q.With, links{from: t, sources: q.Partials}, liquid.Budget{})
}
