package liquid_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/anvilpeering/anvil/prompt/liquid"
)

// A vector is a template, what is bound, and what must come of it. One with `want` or `invalid` is of the language, the
// others are of the dialect alone. `want` is what ruby-liquid 5.4.0 prints, except where `differs` says why the
// documentation wants something else.
type vector struct {
	Template string            `yaml:"template"`
	With     map[string]any    `yaml:"with"`
	Partials map[string]string `yaml:"partials"`

	Want    *string `yaml:"want"`
	Refused string  `yaml:"refused"` // Anvil does not print it: the line of the page that says so
	Invalid bool    `yaml:"invalid"` // Ruby refuses it or prints an error message, and Anvil refuses it

	Problems []string `yaml:"problems"`
	Hint     string   `yaml:"hint"`
	Error    string   `yaml:"error"`
	Differs  string   `yaml:"differs"`
}

func vectors(t testing.TB) map[string][]vector {
	t.Helper()
	files, err := filepath.Glob("testdata/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no vectors: %v", err)
	}
	all := map[string][]vector{}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		d := yaml.NewDecoder(strings.NewReader(string(data)))
		d.KnownFields(true)
		var some []vector
		if err := d.Decode(&some); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		all[strings.TrimSuffix(filepath.Base(file), ".yaml")] = some
	}
	return all
}

// links find the partials of a template in a map of sources.
type links struct {
	from     *liquid.Template
	sources  map[string]string
	defaults map[string]map[string]any
}

func (l links) Partial(n int) (liquid.Target, error) {
	name := l.from.Partials()[n].Name
	source, ok := l.sources[name]
	if !ok {
		return liquid.Target{}, errors.New("no such partial")
	}
	t, problems := liquid.Compile(source)
	if t == nil {
		return liquid.Target{}, fmt.Errorf("%v", problems)
	}
	return liquid.Target{Template: t, Links: links{t, l.sources, l.defaults}, Defaults: l.defaults[name]}, nil
}

func (v vector) render() (string, error) {
	t, problems := liquid.Compile(v.Template)
	if t == nil {
		return "", fmt.Errorf("problems: %v", problems)
	}
	return t.Render(context.Background(), v.With, links{from: t, sources: v.Partials}, liquid.Budget{})
}

func TestDialect(t *testing.T) {
	for file, some := range vectors(t) {
		t.Run(file, func(t *testing.T) {
			for _, v := range some {
				switch {
				case v.Invalid || v.Refused != "":
					if got, err := v.render(); err == nil {
						t.Errorf("%q\n got %q, want an error", v.Template, got)
					}
				case v.Want != nil:
					if got, err := v.render(); err != nil || got != *v.Want {
						t.Errorf("%q\n got %q, %v\nwant %q", v.Template, got, err, *v.Want)
					}
				case v.Problems != nil:
					checkProblems(t, v)
				case v.Error != "":
					checkError(t, v)
				default:
					t.Errorf("%q: nothing is expected", v.Template)
				}
			}
		})
	}
}

func checkProblems(t *testing.T, v vector) {
	t.Helper()
	tpl, problems := liquid.Compile(v.Template)
	var got []string
	for _, p := range problems {
		got = append(got, fmt.Sprintf("%d:%d %s: %s", p.Line, p.Col, p.Rule, p.Message))
	}
	if tpl != nil || !slices.Equal(got, v.Problems) {
		t.Errorf("%q\n got %q\nwant %q", v.Template, got, v.Problems)
	}
	if v.Hint != "" && (len(problems) == 0 || problems[0].Hint != v.Hint) {
		t.Errorf("%q: want the hint %q, got %q", v.Template, v.Hint, problems)
	}
}

func checkError(t *testing.T, v vector) {
	t.Helper()
	out, err := v.render()
	var e *liquid.Error
	if !errors.As(err, &e) {
		t.Errorf("%q: got %q, %v, want an Error", v.Template, out, err)
		return
	}
	got := strings.TrimSpace(fmt.Sprintf("%s %d:%d %s: %s", e.Name, e.Line, e.Col, e.Rule, e.Message))
	if out != "" || got != v.Error {
		t.Errorf("%q\n got %q, %s\nwant %s", v.Template, out, got, v.Error)
	}
	if v.Hint != "" && e.Hint() != v.Hint {
		t.Errorf("%q: want the hint %q, got %q", v.Template, v.Hint, e.Hint())
	}
}
