package liquid_test

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	bare "github.com/osteele/liquid"
)

// language are the vectors that are of the language, not of the dialect alone.
func language(t testing.TB) []vector {
	t.Helper()
	var some []vector
	for _, file := range vectors(t) {
		for _, v := range file {
			if v.Want != nil || v.Invalid {
				some = append(some, v)
			}
		}
	}
	return some
}

// A tally counts what an engine makes of the language: what it prints as the language does, what it refuses, what it
// prints differently, and what it prints though it is an error.
type tally struct{ right, refused, different, accepted int }

func (s *tally) count(v vector, got string, err error) {
	switch {
	case v.Invalid && err == nil:
		s.accepted++
	case v.Invalid:
	case err != nil:
		s.refused++
	case got == *v.Want:
		s.right++
	default:
		s.different++
	}
}

func (s tally) String() string {
	share := 100 * float64(s.right) / float64(s.right+s.refused+s.different)
	return fmt.Sprintf("%d right (%.1f %%), %d refused, %d different; %d errors rendered", s.right, share, s.refused, s.different, s.accepted)
}

// TestLanguage holds Anvil to the language beside the engine as it comes: nothing is different, and little is refused.
func TestLanguage(t *testing.T) {
	var anvil, alone tally
	cases := language(t)
	for _, v := range cases {
		got, err := v.render()
		before := anvil
		if anvil.count(v, got, err); anvil.different > before.different || anvil.accepted > before.accepted {
			t.Errorf("%q: got %q, %v", v.Template, got, err)
		}
		got, err = renderBare(v)
		alone.count(v, got, err)
	}
	t.Logf("%d cases\nanvil:  %s\nengine: %s", len(cases), anvil, alone)
	if len(cases) < 1000 || anvil.right*100 < 85*(anvil.right+anvil.refused) {
		t.Errorf("of %d cases %s", len(cases), anvil)
	}
}

// sources are the partials as the bare engine reads them.
type sources map[string]string

func (s sources) ReadTemplate(name string) ([]byte, error) {
	source, ok := s[name]
	if !ok {
		return nil, os.ErrNotExist
	}
	return []byte(source), nil
}

func renderBare(v vector) (out string, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("panic: %v", r)
		}
	}()
	engine := bare.NewEngine()
	engine.StrictVariables()
	engine.RegisterTemplateStore(sources(v.Partials))
	t, err := engine.ParseString(v.Template)
	if err != nil {
		return "", err
	}
	return t.RenderString(v.With)
}

// TestRubyAgrees asks ruby-liquid itself what the vectors say of it. Where the documentation is followed instead, Ruby
// must say something else: a difference that is none would be a lie too.
func TestRubyAgrees(t *testing.T) {
	t.Parallel()
	cases := language(t)
	questions := make([]question, len(cases))
	for i, v := range cases {
		questions[i] = question{v.Template, v.With, v.Partials}
	}
	for i, ruby := range askRuby(t, questions) {
		v := cases[i]
		same := ruby.prints() && !v.Invalid && *ruby.Out == *v.Want
		switch {
		case v.Invalid:
			if ruby.prints() && ruby.Refused == "" && len(ruby.Undefined) == 0 {
				t.Errorf("%q is no error to ruby: %s", v.Template, ruby)
			}
		case v.Differs == "" && !same:
			t.Errorf("%q\nwant %q\nruby %s", v.Template, *v.Want, ruby)
		case v.Differs != "" && same && !strings.Contains(v.Differs, "beside Rails"):
			t.Errorf("%q: ruby does not differ", v.Template)
		}
	}
}

// TestLanguageIsCovered looks for cases of each tag, filter and parameter that the language documents.
func TestLanguageIsCovered(t *testing.T) {
	var all strings.Builder
	for _, v := range language(t) {
		all.WriteString(v.Template + "\n")
		for _, source := range v.Partials {
			all.WriteString(source + "\n")
		}
	}
	for what, least := range map[string]int{
		`\{%-?\s*(%s)\b`: 5, `\|\s*(%s)\b`: 4, `loop\.(%s)\b`: 2,
	} {
		for name := range strings.FieldsSeq(documented[what]) {
			re := regexp.MustCompile(strings.ReplaceAll(what, "%s", name))
			if n := len(re.FindAllString(all.String(), -1)); n < least {
				t.Errorf("%d cases of %s", n, name)
			}
		}
	}
	for _, what := range []string{"limit:", "offset:", "reversed", "offset:continue", "cols:", "allow_false:", " with ", " for ", " as ", "empty", "blank", "contains", "<>", "elsif", "else", "when", "{%-", "-%}", "{{-", "-}}"} {
		if strings.Count(all.String(), what) < 3 {
			t.Errorf("too few cases of %s", what)
		}
	}
}

var documented = map[string]string{
	`\{%-?\s*(%s)\b`: "assign break capture case comment continue cycle decrement doc echo for if ifchanged include increment liquid raw render tablerow unless",
	`\|\s*(%s)\b`: "abs append at_least at_most base64_decode base64_encode base64_url_safe_decode base64_url_safe_encode capitalize ceil compact concat date default " +
		"divided_by downcase escape escape_once find find_index first floor has join last lstrip map minus modulo newline_to_br plus prepend reject remove remove_first " +
		"remove_last replace replace_first replace_last reverse round rstrip size slice sort sort_natural split squish strip strip_html strip_newlines sum times " +
		"truncate truncatewords uniq upcase url_decode url_encode where",
	`loop\.(%s)\b`: "index index0 rindex rindex0 first last length parentloop name col col0 col_first col_last row",
}
