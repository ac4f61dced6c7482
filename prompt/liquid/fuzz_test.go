package liquid_test

import (
	"context"
	"errors"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/anvilpeering/anvil/prompt/liquid"
)

func seed(f *testing.F) {
	for _, some := range vectors(f) {
		for _, v := range some {
			f.Add(v.Template)
		}
	}
	for _, source := range endless {
		f.Add(source)
	}
	for _, source := range []string{"{{ \u07be }}", "{{ 5 |\u036c}}", "{%case {%when 3%}", "{{ x | slice: -9223372036854775808 }}", "{% assign forloop = 1 %}{% cycle %}", "\xff{{ x }}"} {
		f.Add(source)
	}
}

// FuzzCompile checks that any source is a template or has problems with places in it, in bounded time.
func FuzzCompile(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, source string) {
		start := time.Now()
		tpl, problems := liquid.Compile(source)
		if (tpl == nil) != (len(problems) > 0) {
			t.Fatalf("template %v with problems %v", tpl, problems)
		}
		for _, p := range problems {
			if p.Line < 1 || p.Col < 1 || p.Col > utf8.RuneCountInString(source)+1 || p.Rule == "" || p.Message == "" || p.Rule == liquid.RuleInternal {
				t.Fatalf("problem %+v", p)
			}
		}
		if d := time.Since(start); d > 5*time.Second {
			t.Fatalf("took %s", d)
		}
	})
}

// FuzzRender checks that any template renders or fails with a place and a rule, the same each time, within its budget.
func FuzzRender(f *testing.F) {
	seed(f)
	vars, _ := endlessValues()
	for k, v := range map[string]any{
		"x": 3.5, "s": "Hello, <b>World</b>", "user": map[string]any{"name": "Ada", "tags": []string{"a", "b"}}, "nothing": nil, "yes": true,
		"objs": []any{map[string]any{"n": 1, "g": "x"}, map[string]any{"n": nil, "g": "y"}}, "a": -1, "b": "10", "y": []any{}, "map": map[string]int{"k": 1},
	} {
		vars[k] = v
	}
	sources := map[string]string{"a": "{{ x }}", "p": "[{% render 'q', x: 1 %}]", "q": "{{ x }}{% render 'p' %}"}
	budget := liquid.Budget{Steps: 20_000, Output: 64 << 10, Depth: 4}
	f.Fuzz(func(t *testing.T, source string) {
		tpl, _ := liquid.Compile(source)
		if tpl == nil {
			return
		}
		tpl.Variables()
		tpl.Partials()
		start := time.Now()
		first, err := tpl.Render(context.Background(), vars, links{from: tpl, sources: sources}, budget)
		if d := time.Since(start); d > 5*time.Second {
			t.Fatalf("took %s", d)
		}
		var e *liquid.Error
		if err != nil && (!errors.As(err, &e) || e.Rule == "" || e.Rule == liquid.RuleInternal || e.Message == "" || first != "") {
			t.Fatalf("got %q, %v", first, err)
		}
		if len(first) > budget.Output {
			t.Fatalf("printed %d bytes", len(first))
		}
		again, err2 := tpl.Render(context.Background(), vars, links{from: tpl, sources: sources}, budget)
		if again != first || (err == nil) != (err2 == nil) || err != nil && err.Error() != err2.Error() {
			t.Fatalf("first %q, %v\nagain %q, %v", first, err, again, err2)
		}
	})
}
