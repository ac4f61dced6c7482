package liquid_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/anvilpeering/anvil/prompt/liquid"
)

func compile(t testing.TB, source string) *liquid.Template {
	t.Helper()
	tpl, problems := liquid.Compile(source)
	if tpl == nil {
		t.Fatalf("%q does not compile: %v", source, problems)
	}
	return tpl
}

func TestVariables(t *testing.T) {
	for _, c := range []struct{ source, want string }{
		{"", ""},
		{"{{ a }} {{ b.c }} {{ a }}", "a@1:4 b@1:12 a@1:22"},
		{"ü {{ a }}\n  {{ b }}", "a@1:6 b@2:6"},
		{"{{ a[b].c[d.e] }}", "a@1:4 b@1:6 d@1:11"},
		{"{{ (a..b) | join: c }}", "a@1:5 b@1:8 c@1:19"},
		{"{{ 'x' | append: a | default: b, allow_false: c }}", "a@1:18 b@1:31 c@1:47"},
		{"{{ nil }}{{ true }}{{ empty }}{{ blank }}{{ null }}{{ false }}", ""},
		{"{{ x }}{% assign x = x %}{{ x }}", "x@1:4 x@1:22"},
		{"{% assign x = y %}{{ x }}", "y@1:15"},
		{"{% if a %}{% assign x = 1 %}{% endif %}{{ x }}", "a@1:7"},
		{"{% capture x %}{{ x }}{% endcapture %}{{ x }}", "x@1:19"},
		{"{% for i in list %}{{ i }}{{ forloop.index }}{% else %}{{ e }}{% endfor %}{{ i }}", "list@1:13 e@1:59 i@1:78"},
		{"{% for i in i limit: n offset: m %}{% endfor %}", "i@1:13 n@1:22 m@1:32"},
		{"{% tablerow i in list cols: c %}{{ i }}{{ tablerowloop.col }}{% endtablerow %}", "list@1:18 c@1:29"},
		{"{% increment a %}{{ a }}{% decrement b %}{{ b }}", ""},
		{"{% if a == b and c contains d or e %}{% elsif f %}{% endif %}{% unless g %}{% endunless %}", "a@1:7 b@1:12 c@1:18 d@1:29 e@1:34 f@1:47 g@1:72"},
		{"{% case a %}{% when b, 'x' or c %}{{ d }}{% endcase %}", "a@1:9 b@1:21 c@1:31 d@1:38"},
		{"{% cycle g: a, 'b', c %}", "g@1:10 a@1:13 c@1:21"},
		{"{% render 'p', x: a, y: b.c %}{% render 'p' for l as i %}{% render 'p' with w as i %}", "a@1:19 b@1:25 l@1:49 w@1:77"},
		{"{% liquid\n  assign x = a\n  echo x\n  echo b\n%}", "a@2:14 b@4:8"},
		{"{% comment %}{{ a }}{% endcomment %}{% raw %}{{ b }}{% endraw %}{% # {{ c }} %}", ""},
		{"{{ first-name }}{{ done? }}{{ größe }}", "first-name@1:4 done?@1:20 größe@1:31"},
		{"{{ forloop.index }}", ""},
	} {
		var got []string
		for _, r := range compile(t, c.source).Variables() {
			got = append(got, fmt.Sprintf("%s@%d:%d", r.Name, r.Line, r.Col))
		}
		if g := strings.Join(got, " "); g != c.want {
			t.Errorf("%q\n got %s\nwant %s", c.source, g, c.want)
		}
	}
}

func TestPartials(t *testing.T) {
	source := "{% render 'a' %}\nü {% render \"d/_b\", x: 1, y: z %}{% render 'a' for list as i, s: 1 %}{% render 'c' with v %}"
	want := []liquid.Partial{
		{Name: "a", Line: 1, Col: 11},
		{Name: "d/_b", Args: []string{"x", "y"}, Line: 2, Col: 13},
		{Name: "a", Args: []string{"i", "s"}, Line: 2, Col: 44},
		{Name: "c", Args: []string{"c"}, Line: 2, Col: 80},
	}
	if got := compile(t, source).Partials(); !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v\nwant %+v", got, want)
	}
}

func TestOpenLoop(t *testing.T) {
	if r, ok := compile(t, "{% for i in x %}{{ forloop.index }}{% endfor %}\n{{ forloop.last }}").OpenLoop(); !ok || r.Line != 2 || r.Col != 4 {
		t.Errorf("got %+v, %t, want 2:4", r, ok)
	}
	if r, ok := compile(t, "{% for i in x %}{{ forloop.index }}{% endfor %}").OpenLoop(); ok {
		t.Errorf("got %+v, want none", r)
	}
}

// TestGoValues binds what callers have in their hands.
func TestGoValues(t *testing.T) {
	type name string
	number := 7
	vars := map[string]any{
		"ints": []int{1, 2}, "texts": []string{"a", "b"}, "map": map[string]int{"b": 2, "a": 1}, "named": map[name]name{"k": "v"},
		"u8": uint8(3), "f32": float32(0.1), "ptr": &number, "nilptr": (*int)(nil), "name": name("n"), "bytes": []byte("bytes"),
		"time": time.Date(2024, 3, 5, 14, 7, 9, 0, time.UTC), "nested": map[string]any{"list": []string{"x", "y"}},
	}
	source := `{{ ints | sum }} {{ texts | join: "," }} {{ map }} {{ named.k }} {{ u8 | plus: 1 }} {{ f32 }} {{ ptr }} [{{ nilptr }}] {{ name }} ` +
		`{{ bytes }} {{ time }} {{ time | date: "%F" }} {% for x in nested.list %}{{ x }}{% endfor %} {{ map | json }}`
	want := `3 a,b {"a"=>1, "b"=>2} v 4 0.1 7 [] n bytes 2024-03-05 14:07:09 UTC 2024-03-05 xy {"a":1,"b":2}`
	got, err := compile(t, source).Render(context.Background(), vars, nil, liquid.Budget{})
	if err != nil || got != want {
		t.Errorf("got %q, %v\nwant %q", got, err, want)
	}
	for _, v := range []any{struct{ A int }{1}, make(chan int), func() {}, uint64(1 << 63), map[int]int{1: 1}} {
		if _, err := compile(t, "{{ x }}").Render(context.Background(), map[string]any{"x": v}, nil, liquid.Budget{}); err == nil {
			t.Errorf("a %T renders", v)
		}
	}
}

// TestValuesAreReadOnly renders with values that a careless engine would change.
func TestValuesAreReadOnly(t *testing.T) {
	list := []any{"b", "a", map[string]any{"n": 1}}
	vars := map[string]any{"list": list, "n": 1}
	source := `{% assign n = 2 %}{% increment n %}{% assign l = list | reverse | concat: list | compact %}{{ list | first }}{% capture list %}x{% endcapture %}{{ list }}{{ l | size }}`
	got, err := compile(t, source).Render(context.Background(), vars, nil, liquid.Budget{})
	if err != nil || got != "1bx6" {
		t.Errorf("got %q, %v", got, err)
	}
	if !reflect.DeepEqual(vars, map[string]any{"list": []any{"b", "a", map[string]any{"n": 1}}, "n": 1}) {
		t.Errorf("the values were changed: %v", vars)
	}
}

func TestMapsAreSorted(t *testing.T) {
	m := map[string]any{}
	for i := range 50 {
		m[fmt.Sprintf("k%02d", i)] = map[string]any{"b": i, "a": i}
	}
	tpl := compile(t, "{{ m }}{{ m | json }}{% for p in m %}{{ p[0] }}{{ p[1] }}{% endfor %}")
	first := ""
	for range 20 {
		got, err := tpl.Render(context.Background(), map[string]any{"m": m}, nil, liquid.Budget{})
		if err != nil {
			t.Fatal(err)
		}
		if first == "" {
			first = got
		}
		if got != first {
			t.Fatal("two renderings differ")
		}
	}
}

// endless are templates that would run for as long as one likes.
var endless = map[string]string{
	"empty loop":    "{% for i in (1..n) %}{% endfor %}",
	"nested loops":  "{% for i in (1..n) %}{% for j in (1..n) %}{% for k in (1..n) %}{% endfor %}{% endfor %}{% endfor %}",
	"output":        "{% for i in (1..n) %}some text that is printed again and again{% endfor %}",
	"capture":       "{% capture x %}{% for i in (1..n) %}some text that is printed again and again{% endfor %}{% endcapture %}",
	"assign":        "{% for i in (1..n) %}{% assign x = i %}{% endfor %}",
	"tablerow":      "{% tablerow i in (1..n) cols: 2 %}{% endtablerow %}",
	"partials":      "{% for i in (1..n) %}{% render 'p' %}{% endfor %}",
	"partial for":   "{% render 'p' for (1..n) as i %}",
	"fan-out":       "{% render 'fan' %}",
	"recursion":     "{% render 'self' %}",
	"array":         "{{ (1..n) | join }}",
	"doubling":      "{% assign s = 'x' %}{% for i in (1..n) %}{% assign s = s | append: s %}{% endfor %}",
	"growing array": "{% assign l = 'a,b' | split: ',' %}{% for i in (1..n) %}{% assign l = l | concat: l %}{% endfor %}",
	"replacing":     "{% assign s = 'aaaa' %}{% for i in (1..n) %}{% assign s = s | replace: 'a', s %}{% endfor %}",
	"splitting":     "{% for i in (1..n) %}{% assign l = long | split: '' | reverse | uniq %}{% endfor %}",
	"joining":       "{% for i in (1..n) %}{% assign s = long | split: '' | join: long %}{% endfor %}",
	"text size":     "{% for i in (1..n) %}{% if long.size > 1 %}{% endif %}{% endfor %}",
	"text contains": "{% for i in (1..n) %}{% if long contains 'z' %}{% endif %}{% endfor %}",
	"first key":     "{% for i in (1..n) %}{% assign x = big.first %}{% endfor %}",
	"silent prints": "{% for i in (1..n) %}{{ nils }}{% endfor %}",
	"comparing":     "{% for i in (1..n) %}{% if list == other %}{% endif %}{% if list contains 'z' %}{% endif %}{% endfor %}",
}

func endlessValues() (vars map[string]any, sources map[string]string) {
	list := make([]any, 10_000)
	for i := range list {
		list[i] = i
	}
	big := map[string]any{}
	for i := range 10_000 {
		big[fmt.Sprint(i)] = i
	}
	vars = map[string]any{"big": big, "nils": make([]any, 10_000), "n": 1_000_000_000_000, "long": strings.Repeat("é", 10_000), "list": list, "other": append([]any{}, list...)}
	fan := strings.Repeat("{% render 'fan' %}", 10)
	return vars, map[string]string{"p": "", "self": "{% render 'self' %}", "fan": fan}
}

func TestBudget(t *testing.T) {
	for name, source := range endless {
		t.Run(name, func(t *testing.T) {
			vars, sources := endlessValues()
			tpl := compile(t, source)
			start := time.Now()
			out, err := tpl.Render(context.Background(), vars, links{from: tpl, sources: sources}, liquid.Budget{Steps: 50_000, Output: 1 << 20})
			var e *liquid.Error
			if !errors.As(err, &e) || e.Rule != liquid.RuleLimit || out != "" {
				t.Errorf("got %d bytes, %v, want an error of rule %s", len(out), err, liquid.RuleLimit)
			}
			if d := time.Since(start); d > 20*time.Second {
				t.Errorf("took %s", d)
			}
		})
	}
}

// TestContext ends renderings that a large budget would let run for very long.
func TestContext(t *testing.T) {
	for _, name := range []string{"empty loop", "nested loops", "assign", "tablerow", "partials", "partial for", "splitting", "comparing", "text size", "text contains", "first key", "silent prints"} {
		t.Run(name, func(t *testing.T) {
			vars, sources := endlessValues()
			tpl := compile(t, endless[name])
			ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
			defer cancel()
			start := time.Now()
			_, err := tpl.Render(ctx, vars, links{from: tpl, sources: sources}, liquid.Budget{Steps: 1 << 40, Output: 1 << 30})
			if !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("got %v, want it to be context.DeadlineExceeded", err)
			}
			if d := time.Since(start); d > 20*time.Second {
				t.Errorf("took %s", d)
			}
		})
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := compile(t, "x").Render(ctx, nil, nil, liquid.Budget{}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want it to be context.Canceled", err)
	}
}

// TestConcurrency renders one template on many goroutines; the race detector is the judge.
func TestConcurrency(t *testing.T) {
	source := `{% for i in list %}{% cycle "a", "b" %}{% cycle i, n %}{% increment c %}{% ifchanged %}{{ i | upcase | date: "" }}{% endifchanged %}` +
		`{% render "p", x: i %}{% assign y = map | json %}{{ forloop.index }}{{ y }}{% endfor %}{{ list | sort | join: "," }}{% tablerow i in list %}{{ i }}{% endtablerow %}`
	tpl := compile(t, source)
	partials := links{from: tpl, sources: map[string]string{"p": "{% cycle 'x', 'y' %}{{ x }}"}}
	vars := map[string]any{"list": []any{"q", "r", "r"}, "n": 1, "map": map[string]any{"b": 1, "a": []string{"z"}}}
	want, err := tpl.Render(context.Background(), vars, partials, liquid.Budget{})
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 200 {
				if got, err := tpl.Render(context.Background(), vars, partials, liquid.Budget{}); err != nil || got != want {
					t.Errorf("got %q, %v\nwant %q", got, err, want)
					return
				}
				tpl.Variables()
				liquid.Compile(source)
			}
		})
	}
	all.Wait()
}

func TestDeepSources(t *testing.T) {
	const n = 20_000
	for name, source := range map[string]string{
		"blocks":   strings.Repeat("{% if a %}", n) + strings.Repeat("{% endif %}", n),
		"brackets": "{{ a" + strings.Repeat("[a", n) + strings.Repeat("]", n) + " }}",
		"ranges":   "{{ " + strings.Repeat("(", n) + "1" + strings.Repeat("..1)", n) + " }}",
		"comments": strings.Repeat("{% comment %}", n),
		"open":     strings.Repeat("{{", n),
		"ends":     strings.Repeat("{% endif %}", n),
	} {
		start := time.Now()
		if tpl, problems := liquid.Compile(source); tpl != nil || len(problems) == 0 {
			t.Errorf("%s: compiles", name)
		}
		if d := time.Since(start); d > 20*time.Second {
			t.Errorf("%s: took %s", name, d)
		}
	}
	start := time.Now()
	if _, problems := liquid.Compile("{% if a" + strings.Repeat(" and a", n) + " %}{% endif %}"); problems != nil {
		t.Errorf("a long condition does not compile: %v", problems)
	}
	if _, problems := liquid.Compile(strings.Repeat("{{ ä }}{% assign x = 1 %}", 10_000)); problems != nil {
		t.Errorf("a long line does not compile: %v", problems)
	}
	if d := time.Since(start); d > 20*time.Second {
		t.Errorf("a long line took %s", d)
	}
	deep := any("x")
	for range 100_000 {
		deep = []any{deep}
	}
	for _, source := range []string{"{{ x }}", "{{ x | json }}", "{{ x | join }}", "{{ x | uniq }}", "{% if x == x %}{% endif %}", "{{ x | append: '' }}"} {
		if _, err := compile(t, source).Render(context.Background(), map[string]any{"x": deep}, nil, liquid.Budget{}); err == nil {
			t.Errorf("%s renders a value of depth 100,000", source)
		}
	}
}

// answer is what each render tag gets.
type answer func() (liquid.Target, error)

func (a answer) Partial(int) (liquid.Target, error) { return a() }

func TestLinkErrors(t *testing.T) {
	lost := errors.New("lost")
	tpl := compile(t, "{% render 'a' %}")
	_, err := tpl.Render(context.Background(), nil, answer(func() (liquid.Target, error) { return liquid.Target{}, lost }), liquid.Budget{})
	if !errors.Is(err, lost) {
		t.Errorf("got %v, want it to be %v", err, lost)
	}
	for _, l := range []liquid.Links{nil, answer(func() (liquid.Target, error) { return liquid.Target{}, nil }), answer(func() (liquid.Target, error) { panic("boom") })} {
		if _, err := tpl.Render(context.Background(), nil, l, liquid.Budget{}); err == nil {
			t.Error("renders a partial that is not there")
		}
	}
}

// A default stands for what is not passed, or passed as nil; it is anything that a variable can be.
func TestDefaults(t *testing.T) {
	defaults := map[string]map[string]any{"p": {"a": "d", "b": []any{1, map[string]any{"k": "v"}}, "c": nil}}
	for _, c := range []struct{ source, want string }{
		{"{% render 'p' %}", "d|1v|"},
		{"{% render 'p', a: nil, b: nil %}", "d|1v|"},
		{"{% render 'p', a: '', c: 'x' %}", "|1v|x"},
		{"{% render 'p', a: false %}", "false|1v|"},
		{"{% render 'p' for list as a %}", "x|1v|d|1v|y|1v|"},
		{"{% assign a = 1 %}{% render 'p' %}{{ a }}", "d|1v|1"},
	} {
		tpl := compile(t, c.source)
		l := links{from: tpl, sources: map[string]string{"p": "{{ a }}|{{ b[0] }}{{ b[1].k }}|{{ c }}"}, defaults: defaults}
		got, err := tpl.Render(context.Background(), map[string]any{"list": []any{"x", nil, "y"}}, l, liquid.Budget{})
		if err != nil || got != c.want {
			t.Errorf("%s: got %q, %v, want %q", c.source, got, err, c.want)
		}
	}
	if want := (map[string]map[string]any{"p": {"a": "d", "b": []any{1, map[string]any{"k": "v"}}, "c": nil}}); !reflect.DeepEqual(defaults, want) {
		t.Errorf("the defaults were changed: %v", defaults)
	}
}

// An error knows the place of the template it happened in, whatever its render tag calls it.
func TestErrorLinks(t *testing.T) {
	tpl := compile(t, "{% render 'p' %}")
	inner := &marked{}
	outer := answer(func() (liquid.Target, error) {
		return liquid.Target{Template: compile(t, "\n {{ x }}"), Links: inner}, nil
	})
	_, err := tpl.Render(context.Background(), nil, outer, liquid.Budget{})
	var e *liquid.Error
	if !errors.As(err, &e) || e.Links != inner || e.Name != "p" || e.Line != 2 || e.Col != 5 {
		t.Errorf("got %+v", e)
	}
}

// marked is comparable, as links that are looked for in an error must be.
type marked struct{ answer }

// Renderings that share a budget have no more together than one has alone.
func TestSharedBudget(t *testing.T) {
	tpl, problems := liquid.Compile("{% for i in (1..10) %}{{ i }},{% endfor %}")
	if problems != nil {
		t.Fatal(problems)
	}
	once := func(b liquid.Budget) error {
		_, err := tpl.Render(context.Background(), nil, nil, b)
		return err
	}
	var one liquid.Usage
	if err := once(liquid.Budget{Used: &one}); err != nil || one.Output != len("1,2,3,4,5,6,7,8,9,10,") || one.Steps == 0 {
		t.Fatalf("a rendering took %+v: %v", one, err)
	}
	for _, b := range []liquid.Budget{{Steps: 3 * one.Steps, Used: new(liquid.Usage)}, {Output: 3 * one.Output, Used: new(liquid.Usage)}} {
		for i := range 3 {
			if err := once(b); err != nil {
				t.Fatalf("rendering %d of %+v: %v", i, b, err)
			}
		}
		var limit *liquid.Error
		if err := once(b); !errors.As(err, &limit) || limit.Rule != liquid.RuleLimit {
			t.Errorf("a rendering beyond %+v: %v", b, err)
		}
	}
}
