package prompt

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"reflect"
	"strings"
	"sync"
	"testing"
)

// one parses a prompt among some partials.
func one(t *testing.T, content string) *Prompt {
	t.Helper()
	tree := Parse(files(map[string]string{
		"a/project.yaml":  "name: A\n",
		"b/project.yaml":  "name: B\n",
		"a/s/p.yaml":      content,
		"a/s/_same.yaml":  "template: near\n",
		"b/s/_same.yaml":  "template: far\n",
		"b/s/_outer.yaml": "template: |-\n  {% render \"_same\" %} {% render \"a/s/_same\" %}\n",
		"b/s/_deep.yaml":  "parameters: {o: {type: object, required: false}}\ntemplate: |-\n  {% render \"_same\" %}{% render \"_fails\", o: o %}\n",
		"b/s/_fails.yaml": "template: |-\n  fine\n  {% render \"_same\" %}{{ o.gone }}\n",
		"b/s/_rich.yaml":  "parameters:\n  l: {type: array, default: [1, 2.5]}\n  o: {type: object, properties: {k: {type: array}, d: {type: string, default: d}}, default: {k: [{b: v}]}}\n  m: {type: messages, default: []}\ntemplate: \"{{ l | join: ', ' }}{% for p in o.k.first %}{% if l.size > 1 %},{% endif %} {{ p[0] }} {{ p[1] }}{% endfor %} {{ o.d }}{{ m }}\"\n",
		"b/s/_loose.yaml": "parameters:\n  must: {type: string}\n  may: {type: string, required: false}\n  text: {type: string, default: \"it's \\\"so\\\"\"}\n  n: {type: number, default: 2}\n  i: {type: integer, default: -3}\n  yes: {type: boolean, default: false}\n  list: {type: array, default: []}\n  none: {type: string, required: false}\n" +
			"template: \"{{ must }}|{{ text }}|{{ n }}|{{ i }}|{{ yes }}|{{ list | size }}|{{ none }}|{{ may }}\"\n",
	}), Options{})
	p, err := tree.Lookup(Address{"a", "s", "p"})
	if err != nil {
		t.Fatal(err)
	}
	for _, q := range tree.Problems() {
		if q.Path == p.Path && q.Level == Error {
			t.Fatal(q)
		}
	}
	return p
}

func TestRender(t *testing.T) {
	for _, c := range []struct {
		name, content string
		args          Args
		want          []Message
	}{
		{"a template", "parameters: {m: {type: string}}\ntemplate: |\n  Hello {{ m }}\n", Args{"m": "you"}, []Message{{"user", "Hello you\n"}}},
		{
			"messages", "parameters: {m: {type: string}}\nmessages: [{role: developer, content: Be kind.}, {role: user, content: '{{ m }}'}]\n",
			Args{"m": "x"},
			[]Message{{"developer", "Be kind."}, {"user", "x"}},
		},
		{"a default", "parameters: {m: {type: string, default: d}}\ntemplate: '{{ m }}'\n", nil, []Message{{"user", "d"}}},
		{"nil is no argument", "parameters: {m: {type: string, default: d}}\ntemplate: '{{ m }}'\n", Args{"m": nil}, []Message{{"user", "d"}}},
		{"an optional one is nil", "parameters: {m: {type: string, required: false}}\ntemplate: '{% if m %}x{% else %}none{% endif %}{{ m }}'\n", nil, []Message{{"user", "none"}}},
		{"values are not templates", "parameters: {m: {type: string}}\ntemplate: '{{ m }}'\n", Args{"m": "{{ m }} {% raw %} & <b>"}, []Message{{"user", "{{ m }} {% raw %} & <b>"}}},
		{
			"messages are inserted as they are", "parameters: {h: {type: messages}}\nmessages: [{insert: h}, {role: user, content: x}]\n",
			Args{"h": []Message{{"user", "{{ h }}"}, {"assistant", ""}, {"tool", "t"}}},
			[]Message{{"user", "{{ h }}"}, {"assistant", ""}, {"tool", "t"}, {"user", "x"}},
		},
		{"messages from JSON", "parameters: {h: {type: messages}}\nmessages: [{insert: h}]\n", Args{"h": []any{map[string]any{"role": "user", "content": "x"}}}, []Message{{"user", "x"}}},
		{"roles allow", "parameters: {h: {type: messages}}\nmessages: [{insert: h, roles: [system]}]\n", Args{"h": []Message{{"system", "x"}}}, []Message{{"system", "x"}}},
		{"a loop over messages", "parameters: {h: {type: messages}}\ntemplate: '{% for m in h %}{{ m.role }}: {{ m.content }}; {% endfor %}'\n", Args{"h": []Message{{"user", "x"}}}, []Message{{"user", "user: x; "}}},
		{"objects", "parameters: {o: {type: object, properties: {a: {type: string}, b: {type: integer, default: 7}, c: {type: string, required: false}}}}\ntemplate: '{{ o.a }} {{ o.b }} {{ o.c }}'\n", Args{"o": map[string]string{"a": "x"}}, []Message{{"user", "x 7 "}}},
		{"maps in order", "parameters: {o: {type: object}}\ntemplate: '{% for p in o %}{{ p[0] }}{{ p[1] }} {% endfor %}'\n", Args{"o": map[string]int{"b": 2, "a": 1, "c": 3}}, []Message{{"user", "a1 b2 c3 "}}},
		{"names are those of the file", "template: '{% render \"_same\" %} {% render \"b/s/_same\" %} {% render \"b/s/_outer\" %}'\n", nil, []Message{{"user", "near far far near"}}},
		{"what a partial's caller leaves out", "template: '{% render \"b/s/_loose\", must: \"m\" %}'\n", nil, []Message{{"user", `m|it's "so"|2|-3|false|0||`}}},
		{"what a partial's caller passes", "template: '{% render \"b/s/_loose\", must: \"m\", text: \"\", n: 1, i: 0, yes: true, none: \"n\", may: \"y\" %}'\n", nil, []Message{{"user", "m||1|0|true|0|n|y"}}},
		{"a list and an object that a partial's caller leaves out", "template: '{% render \"b/s/_rich\" %};{% render \"b/s/_rich\", l: nil, o: nil %};{% assign l = \"x\" | split: \",\" %}{% render \"b/s/_rich\", l: l %}'\n", nil, []Message{{"user", "1, 2.5, b v d;1, 2.5, b v d;x b v d"}}},
		{"a partial for each", "parameters: {l: {type: array}}\ntemplate: '{% render \"b/s/_loose\" for l as must %}'\n", Args{"l": []string{"1", "2"}}, []Message{{"user", `1|it's "so"|2|-3|false|0||2|it's "so"|2|-3|false|0||`}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, err := one(t, c.content).Render(context.Background(), c.args)
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(r.Messages, c.want) {
				t.Errorf("got %q, want %q", r.Messages, c.want)
			}
		})
	}
}

func TestRenderRefuses(t *testing.T) {
	const typed = `parameters:
  message: {type: string, minLength: 2, maxLength: 5, pattern: "^[a-zé]+$"}
  count: {type: integer, minimum: 1, maximum: 3, default: 1}
  ratio: {type: number, maximum: 0.5, default: 0.1}
  language: {type: string, enum: [en, de], default: en}
  flag: {type: boolean, default: false}
  list: {type: array, minItems: 1, maxItems: 2, items: {type: integer}, default: [1]}
  object: {type: object, properties: {name: {type: string}, age: {type: integer, required: false}}, default: {name: x}}
  history: {type: messages, maxItems: 1, default: []}
messages:
  - insert: history
  - role: user
    content: "{{ message }}{{ count }}{{ ratio }}{{ language }}{{ flag }}{{ list }}{{ object.name }}"
`
	p := one(t, typed)
	loop := []any{nil}
	loop[0] = loop
	for _, c := range []struct {
		args                  Args
		parameter, reason, is string
	}{
		{nil, "message", ReasonMissing, `the argument "message" is missing`},
		{Args{"mesage": "abc"}, "mesage", ReasonUnknown, `unknown argument "mesage" (did you mean message?)`},
		{Args{"message": 5}, "message", ReasonType, "message must be text, not a number"},
		{Args{"message": []byte("abc")}, "message", ReasonType, "message must be text, not bytes"},
		{Args{"message": "a"}, "message", ReasonConstraint, "message has 1 character, fewer than 2"},
		{Args{"message": "ééééé"}, "", "", ""},
		{Args{"message": "abcdef"}, "message", ReasonConstraint, "message has 6 characters, more than 5"},
		{Args{"message": "a b"}, "message", ReasonConstraint, "message does not match the pattern ^[a-zé]+$"},
		{Args{"message": "a\xffb"}, "message", ReasonType, "message is not UTF-8"},
		{Args{"message": "abc", "count": "1"}, "count", ReasonType, "count must be a whole number, not text"},
		{Args{"message": "abc", "count": 1.5}, "count", ReasonType, "count must be a whole number, not 1.5"},
		{Args{"message": "abc", "count": 2.0}, "", "", ""},
		{Args{"message": "abc", "count": json.Number("2")}, "", "", ""},
		{Args{"message": "abc", "count": uint8(2)}, "", "", ""},
		{Args{"message": "abc", "count": uint64(math.MaxUint64)}, "count", ReasonType, "count is a number that is too large"},
		{Args{"message": "abc", "count": 0}, "count", ReasonConstraint, "count is 0, less than 1"},
		{Args{"message": "abc", "count": 4}, "count", ReasonConstraint, "count is 4, more than 3"},
		{Args{"message": "abc", "ratio": 0.7}, "ratio", ReasonConstraint, "ratio is 0.7, more than 0.5"},
		{Args{"message": "abc", "ratio": math.NaN()}, "ratio", ReasonType, "ratio is not a finite number"},
		{Args{"message": "abc", "language": "dee"}, "language", ReasonConstraint, `language is "dee", which is not one of "en" and "de"`},
		{Args{"message": "abc", "flag": "true"}, "flag", ReasonType, "flag must be true or false, not text"},
		{Args{"message": "abc", "list": []int{}}, "list", ReasonConstraint, "list has 0 items, fewer than 1"},
		{Args{"message": "abc", "list": []int{1, 2, 3}}, "list", ReasonConstraint, "list has 3 items, more than 2"},
		{Args{"message": "abc", "list": []any{1, "x"}}, "list", ReasonType, "list[1] must be a whole number, not text"},
		{Args{"message": "abc", "list": loop}, "list", ReasonType, "list is nested more than 64 levels deep"},
		{Args{"message": "abc", "list": struct{}{}}, "list", ReasonType, "list cannot be a value of the type struct {}"},
		{Args{"message": "abc", "list": func() {}}, "list", ReasonType, "list cannot be a value of the type func()"},
		{Args{"message": "abc", "object": map[string]any{"nmae": "x"}}, "object", ReasonType, `object has an unknown property "nmae" (did you mean name?)`},
		{Args{"message": "abc", "object": map[string]any{}}, "object", ReasonType, `object lacks the property "name"`},
		{Args{"message": "abc", "object": map[string]any{"name": "x", "age": "y"}}, "object", ReasonType, "object.age must be a whole number, not text"},
		{Args{"message": "abc", "object": map[int]string{1: "x"}}, "object", ReasonType, "object must be an object whose keys are text"},
		{Args{"message": "abc", "history": "x"}, "history", ReasonType, "history must be a list of messages, not text"},
		{Args{"message": "abc", "history": []Message{{"user", "x"}, {"user", "x"}}}, "history", ReasonConstraint, "history has 2 messages, more than 1"},
		{Args{"message": "abc", "history": []Message{{"system", "x"}}}, "history", ReasonConstraint, "history[0] has the role system, which may not be inserted here"},
		{Args{"message": "abc", "history": []Message{{"developer", "x"}}}, "history", ReasonConstraint, "history[0] has the role developer, which may not be inserted here"},
		{Args{"message": "abc", "history": []Message{{"boss", "x"}}}, "history", ReasonConstraint, `history[0].role is "boss", which is not one of system, developer, user, assistant and tool`},
		{Args{"message": "abc", "history": []any{map[string]any{"role": "user"}}}, "history", ReasonType, `history[0] lacks "content"`},
		{Args{"message": "abc", "history": []any{map[string]any{"role": "user", "content": 1}}}, "history", ReasonType, "history[0].content must be text, not a number"},
		{Args{"message": "abc", "history": []any{map[string]any{"role": "user", "content": "x", "name": "y"}}}, "history", ReasonType, "history[0] has more than role and content"},
	} {
		_, err := p.Render(context.Background(), c.args)
		if c.is == "" {
			if err != nil {
				t.Errorf("%v: %v", c.args, err)
			}
			continue
		}
		var bad *ArgumentError
		if !errors.As(err, &bad) {
			t.Errorf("%v: got %v, want %s", c.parameter, err, c.is)
			continue
		}
		if bad.Parameter != c.parameter || bad.Reason != c.reason || bad.Message != c.is || bad.Address != p.Address {
			t.Errorf("got %+v, want %s, %s, %s", bad, c.parameter, c.reason, c.is)
		}
	}
}

// What ends a rendering is said with its place, also in a partial of a partial.
func TestRenderErrors(t *testing.T) {
	for _, c := range []struct {
		name, content string
		args          Args
		path          string
		line, col     int
		rule          string
	}{
		{"in the prompt", "parameters: {o: {type: object}}\ntemplate: |\n  one\n\n    two {{ o.gone }}\n", Args{"o": map[string]any{}}, "a/s/p.yaml", 5, 12, "undefined-variable"},
		{"after a name that was completed", "parameters: {o: {type: object}}\ntemplate: |\n  {% render \"_same\" %}{% render \"_same\" %}{{ o.gone }}\n", Args{"o": map[string]any{}}, "a/s/p.yaml", 3, 46, "undefined-variable"},
		{"in a partial", "parameters: {o: {type: object}}\ntemplate: |\n  {% render \"b/s/_fails\", o: o %}\n", Args{"o": map[string]any{}}, "b/s/_fails.yaml", 3, 26, "undefined-variable"},
		{"in a partial of its set, in a partial", "parameters: {o: {type: object}}\ntemplate: |\n  {% render \"b/s/_deep\", o: o %}\n", Args{"o": map[string]any{}}, "b/s/_fails.yaml", 3, 26, "undefined-variable"},
		{"too long", "template: |\n  {% for i in (1..1000) %}{% for i in (1..1000) %}{% for j in (1..1000) %}xxxxxxxxxxxxxxxxxxxxxxx{% endfor %}{% endfor %}{% endfor %}\n", nil, "a/s/p.yaml", 0, 0, "liquid-limit"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := one(t, c.content).Render(context.Background(), c.args)
			var e *RenderError
			if !errors.As(err, &e) {
				t.Fatalf("got %v", err)
			}
			if e.Path != c.path || e.Address.Path() != c.path || e.Line != c.line || e.Col != c.col || e.Rule != c.rule {
				t.Errorf("got %s:%d:%d %s, want %s:%d:%d %s: %v", e.Path, e.Line, e.Col, e.Rule, c.path, c.line, c.col, c.rule, e)
			}
			if c.line > 0 && !strings.Contains(err.Error(), c.path) {
				t.Errorf("%v does not name the file", err)
			}
		})
	}
}

// A prompt with a problem that keeps it from being rendered says so.
func TestRenderBroken(t *testing.T) {
	tree := Parse(files(map[string]string{
		"a/project.yaml": "name: A\n",
		"a/s/bad.yaml":   "template: '{{'\n",
		"a/s/uses.yaml":  "template: '{% render \"_bad\" %}'\n",
		"a/s/_bad.yaml":  "template: |\n\n  {% nope %}\n",
		"a/s/cycle.yaml": "template: '{% render \"_one\" %}'\n",
		"a/s/_one.yaml":  "template: '{% render \"_one\" %}'\n",
		"a/s/gone.yaml":  "template: '{% render \"_gone\" %}'\n",
		"a/s/none.yaml":  "{",
		"a/s/lint.yaml":  "# AKIAIOSFODNN7EXAMPLE\ntemplate: \"x\u200b\"\n",
	}), Options{})
	for name, rule := range map[string]string{
		"bad": ruleLiquidSyntax, "uses": ruleUnknownTag, "cycle": ruleDependencyCycle, "gone": ruleMissingDependency, "none": ruleYAML, "lint": "",
	} {
		p, err := tree.Lookup(Address{"a", "s", name})
		if err != nil {
			t.Error(err)
			continue
		}
		r, err := p.Render(context.Background(), nil)
		var e *RenderError
		switch {
		case rule == "" && (err != nil || r.Text() != "x\u200b"):
			t.Error(name, r, err)
		case rule != "" && (!errors.As(err, &e) || e.Rule != rule || e.Line == 0):
			t.Errorf("%s: got %v, want %s", name, err, rule)
		}
	}
}

func TestRenderEndsWithItsContext(t *testing.T) {
	p := one(t, "template: |\n  {% for i in (1..1000) %}{% for i in (1..1000) %}{% endfor %}{% endfor %}\n")
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := p.Render(ctx, nil); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// A caller may do what it likes with what it got and what it gave.
func TestRenderedIsTheCallersOwn(t *testing.T) {
	p := one(t, "modelParameters: {tools: [{name: x}]}\nparameters: {o: {type: object, properties: {a: {type: string, default: d}}}}\ntemplate: '{{ o.a }}'\n")
	o := map[string]any{}
	for range 2 {
		r, err := p.Render(context.Background(), Args{"o": o})
		if err != nil {
			t.Fatal(err)
		}
		if len(o) > 0 {
			t.Fatal("the argument was written to", o)
		}
		tools := r.ModelParameters["tools"].([]any)
		if tools[0].(map[string]any)["name"] != "x" || r.Text() != "d" {
			t.Fatal(r)
		}
		tools[0].(map[string]any)["name"] = "y"
	}
}

func TestRenderConcurrently(t *testing.T) {
	p := one(t, "parameters: {l: {type: array, default: [1, 2, 3]}}\ntemplate: '{% for i in l %}{% cycle \"a\", \"b\" %}{% render \"b/s/_outer\" %}{% endfor %}'\n")
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for range 50 {
				r, err := p.Render(context.Background(), nil)
				if err != nil || r.Text() != "afar nearbfar nearafar near" {
					t.Error(r, err)
				}
			}
		})
	}
	group.Wait()
}

func TestText(t *testing.T) {
	r := &Rendered{Messages: []Message{{"system", "a"}, {"user", "b"}}}
	if r.Text() != "a\n\nb" {
		t.Error(r.Text())
	}
	text, err := json.Marshal(r)
	if err != nil || string(text) != `{"messages":[{"role":"system","content":"a"},{"role":"user","content":"b"}]}` {
		t.Error(string(text), err)
	}
}
