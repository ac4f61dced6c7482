package prompt

import (
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// taking makes a prompt with one parameter.
func taking(t *testing.T, parameter string) (*Tree, *Prompt) {
	t.Helper()
	tree := Parse(files(map[string]string{
		"a/project.yaml": "name: A\n",
		"a/s/p.yaml":     "template: x\nparameters: {" + parameter + "}\n",
	}), Options{CompileOnly: true})
	p, err := tree.Lookup(Address{"a", "s", "p"})
	if err != nil || len(tree.Problems()) > 0 {
		t.Fatal(parameter, err, tree.Problems())
	}
	return tree, p
}

// randomType writes a declaration without its braces, at most depth deep.
func randomType(r *rand.Rand, depth int) string {
	words := []string{}
	maybe := func(format string, args ...any) {
		if r.IntN(3) == 0 {
			words = append(words, fmt.Sprintf(format, args...))
		}
	}
	kinds := []string{"string", "string", "integer", "number", "boolean", "array", "object"}
	if depth == 0 {
		kinds = kinds[:5]
	}
	kind := kinds[r.IntN(len(kinds))]
	words = append(words, "type: "+kind)
	required := r.IntN(4) == 0
	switch kind {
	case "string":
		maybe("minLength: %d", r.IntN(3))
		maybe("maxLength: %d", 3+r.IntN(3))
		maybe("pattern: %s", []string{"a", "^a", "b$"}[r.IntN(3)])
		if len(words) == 1 {
			maybe("enum: [%s]", strings.Join([]string{"a", "ab", "abc", "b"}[r.IntN(3):], ", "))
		}
	case "integer", "number":
		maybe("minimum: %d", r.IntN(3))
		maybe("maximum: %d", 3+r.IntN(3))
		if len(words) == 1 {
			maybe("enum: [%s]", strings.Join([]string{"1", "2", "3", "4"}[r.IntN(3):], ", "))
		}
	case "array":
		maybe("minItems: %d", r.IntN(2))
		maybe("maxItems: %d", 2+r.IntN(2))
		maybe("items: {%s}", randomType(r, depth-1))
	case "object":
		maybe("properties: {x: {%s}}", randomType(r, depth-1))
		if len(words) == 1 {
			maybe("properties: {x: {%s}, y: {%s}}", randomType(r, depth-1), randomType(r, depth-1))
		}
	}
	if required {
		words = append(words, "required: false")
	}
	return strings.Join(words, ", ")
}

// randomValue is mostly what some parameter takes.
func randomValue(r *rand.Rand, depth int) any {
	scalars := []any{"", "a", "ab", "abc", "b", "cab", "aaaaa", 0, 1, 2, 3, 4, 7, -1, 0.5, 2.5, 3.0, true, false}
	switch n := r.IntN(len(scalars) + 8); {
	case n < len(scalars):
		return scalars[n]
	case depth == 0:
		return nil
	case n%2 == 0:
		out := []any{}
		for range r.IntN(4) {
			out = append(out, randomValue(r, depth-1))
		}
		return out
	}
	out := map[string]any{}
	for _, key := range []string{"x", "y", "z"} {
		if r.IntN(3) > 0 {
			out[key] = randomValue(r, depth-1)
		}
	}
	return out
}

// The arguments themselves are the oracle: where nothing breaks, whatever the
// prompt took it still takes. And most of what is called a break is shown to be
// one by an argument.
func TestNothingBreaksUnsaid(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	values := make([]any, 400)
	for i := range values {
		values[i] = randomValue(r, 2)
	}
	silent, said, shown := 0, 0, 0
	for range 1000 {
		was := "v: {" + randomType(r, 2) + "}"
		now := was
		if r.IntN(4) == 0 {
			now = "v: {" + randomType(r, 2) + "}"
		} else {
			now = mutated(r, was)
		}
		before, p := taking(t, was)
		after, q := taking(t, now)
		breaks := Breaking(before, after)
		var witness Args
		for _, v := range append([]any{nil}, values...) {
			args := Args{"v": v}
			if _, _, err := p.bind(args); err != nil {
				continue
			}
			if _, _, err := q.bind(args); err != nil {
				witness = args
				break
			}
		}
		switch {
		case len(breaks) == 0 && witness != nil:
			t.Fatalf("%s → %s breaks %v, and nothing says so", was, now, witness)
		case len(breaks) == 0:
			silent++
		case witness != nil:
			said, shown = said+1, shown+1
		default:
			said++
		}
	}
	t.Logf("%d pairs do not break; of %d that do, %d are shown by an argument", silent, said, shown)
	if silent < 200 || shown < said*3/4 {
		t.Errorf("too few of either: %d silent, %d said, %d shown", silent, said, shown)
	}
}

var bound = regexp.MustCompile(`(min|max)[A-Za-z]*: (\d)`)

// mutated changes one bound of a declaration, if it has one.
func mutated(r *rand.Rand, s string) string {
	all := bound.FindAllStringSubmatchIndex(s, -1)
	if all == nil {
		return s
	}
	m := all[r.IntN(len(all))]
	digit := r.IntN(3)
	if s[m[2]:m[3]] == "max" {
		digit += 3
	}
	return s[:m[4]] + fmt.Sprint(digit) + s[m[5]:]
}

// What went away is named, and where it went when its id tells.
func TestRenamedPrompts(t *testing.T) {
	const id = "id: 01JDK3ZQ8N5V7W2T4X6Y8Z0A1B\n"
	before := Parse(files(map[string]string{"a/project.yaml": "name: A\n", "a/s/b.yaml": id + "template: x\n", "a/s/c.yaml": "template: x\n"}), Options{})
	after := before.With(Change{Path: "a/s/b.yaml", Removed: true}, Change{Path: "a/s/c.yaml", Removed: true}, Change{Path: "a/t/z.yaml", Content: []byte(id + "template: x\n")})
	got := Breaking(before, after)
	if len(got) != 2 || got[0].Renamed == nil || *got[0].Renamed != (Address{"a", "t", "z"}) || got[1].Renamed != nil {
		t.Fatalf("breaks: %v", got)
	}
	if back := Breaking(after, before); len(back) != 1 || *back[0].Renamed != (Address{"a", "s", "b"}) {
		t.Errorf("and back: %v", back)
	}
	// What cannot be read promises nothing, and what it was is not held against it.
	broken := before.With(Change{Path: "a/s/b.yaml", Content: []byte("template: {{ x\n")})
	if got := Breaking(before, broken); len(got) > 0 {
		t.Errorf("a broken file breaks %v", got)
	}
	if got := Breaking(broken, after); !slices.ContainsFunc(got, func(b Break) bool { return b.Address.Name == "c" }) || len(got) != 1 {
		t.Errorf("after a broken file: %v", got)
	}
}
