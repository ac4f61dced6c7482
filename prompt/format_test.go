package prompt

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
	"go.yaml.in/yaml/v3"
)

// testdata/format holds pairs of files: NAME is what an author wrote, NAME.want
// what it becomes.
func TestFormat(t *testing.T) {
	archives, err := filepath.Glob("testdata/format/*.txtar")
	if err != nil || len(archives) == 0 {
		t.Fatal(archives, err)
	}
	for _, name := range archives {
		archive, err := txtar.ParseFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for i := 0; i+1 < len(archive.Files); i += 2 {
			in, want := archive.Files[i], archive.Files[i+1]
			t.Run(in.Name, func(t *testing.T) {
				unescape := strings.NewReplacer("␠", " ", "␉", "\t", "␍", "\r", "∎\n", "").Replace
				src, wanted := []byte(unescape(string(in.Data))), unescape(string(want.Data))
				got, err := Format(src)
				if err != nil {
					t.Fatal(err)
				}
				if string(got) != wanted {
					t.Errorf("%q\nbecame\n%s\nnot\n%s", src, got, wanted)
				}
				sound(t, src)
			})
		}
	}
}

// sound checks what holds for every file that can be formatted: nothing is said
// otherwise, no comment is lost, and the second time nothing changes.
func sound(t *testing.T, src []byte) {
	t.Helper()
	out, err := Format(src)
	if err != nil {
		t.Fatalf("%v\n%q", err, src)
	}
	again, err := Format(out)
	if err != nil || !bytes.Equal(again, out) {
		t.Fatalf("the second time\n%s\nbecomes\n%s\n%v\nfirst was\n%q", out, again, err, src)
	}
	var before, after any
	if err := yaml.Unmarshal(src, &before); err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(out, &after); err != nil {
		t.Fatalf("%v\n%q\nbecame\n%q", err, src, out)
	}
	if !reflect.DeepEqual(before, after) {
		t.Fatalf("%q\nbecame\n%q", src, out)
	}
	if withoutSpace(string(src)) != withoutSpace(string(out)) {
		t.Fatalf("%q\nhas other characters in\n%q", src, out)
	}
	if got, want := remarks(out), remarks(src); !slices.Equal(got, want) {
		t.Fatalf("comments %q became %q in\n%q\n%q", want, got, src, out)
	}
	text := string(out)
	if trimmed := strings.TrimSpace(text); trimmed != "" && (strings.Contains(text, "\r") || strings.HasPrefix(text, "\n")) {
		t.Fatalf("%q is not tidy", text)
	}
}

// remarks are the lines that have a comment of the scribe's or begin with #,
// without their indentation.
func remarks(content []byte) []string {
	var all []string
	for l := range strings.Lines(strings.ReplaceAll(string(content), "\r\n", "\n")) {
		if l = strings.TrimSpace(l); strings.Contains(l, "# ") || strings.HasPrefix(l, "#") {
			all = append(all, strings.Join(strings.Fields(l), " "))
		}
	}
	return all
}

// The example library is as fmt leaves it, and stays sound however its white
// space is ruffled.
func TestFormatExampleLibrary(t *testing.T) {
	paths, err := filepath.Glob("../prompts-example/*/*/*.yaml")
	if err != nil || len(paths) < 40 {
		t.Fatal(len(paths), err)
	}
	r := rand.New(rand.NewPCG(5, 1))
	for _, path := range paths {
		src, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if out, err := Format(src); err != nil || !bytes.Equal(out, src) {
			t.Errorf("%s is not formatted: %v\n%s", path, err, out)
		}
		for range 5 {
			sound(t, ruffle(r, src))
		}
	}
}

// ruffle changes the white space of a file where it says nothing.
func ruffle(r *rand.Rand, src []byte) []byte {
	var out strings.Builder
	end := []string{"\n", "\r\n"}[r.IntN(2)]
	for _, l := range scanLines(string(src)) {
		text := l.text
		switch l.kind {
		case blankLine:
			text = strings.Repeat(" ", r.IntN(4))
			out.WriteString(strings.Repeat(end, r.IntN(3)))
		case itemLine, commentLine:
			text += strings.Repeat(" ", r.IntN(3))
			if !l.block.is && l.rest > 0 && r.IntN(8) == 0 && len(l.dashes) == 0 && l.kind == itemLine && l.indent == 0 {
				out.WriteString(end)
			}
		}
		out.WriteString(text + end)
	}
	return []byte(out.String())
}

// Files of any shape, indented anyhow, with comments everywhere.
func TestFormatAnything(t *testing.T) {
	seeds := 400
	if testing.Short() {
		seeds = 150
	}
	indented := 0
	for seed := range seeds {
		g := &scribe{Rand: rand.New(rand.NewPCG(uint64(seed), 3))}
		g.mapping(0, 0)
		src := g.text()
		if _, err := decodeYAML([]byte(src)); err != nil {
			t.Fatalf("seed %d wrote what is no YAML: %v\n%s", seed, err, src)
		}
		sound(t, []byte(src))
		out, err := Format([]byte(src))
		if err != nil {
			t.Fatal(err)
		}
		if string(out) == indent(scanLines(string(out))) {
			indented++
		}
	}
	if indented < seeds*99/100 {
		t.Errorf("%d of %d are indented", indented, seeds)
	}
}

// scribe writes YAML as no one formatter does.
type scribe struct {
	*rand.Rand
	lines []string
	n     int
}

func (g *scribe) text() string {
	end := []string{"\n", "\n", "\r\n"}[g.IntN(3)]
	return strings.Join(g.lines, end) + []string{end, end + end, end + "  " + end, ""}[g.IntN(4)]
}

func (g *scribe) pick(words ...string) string { return words[g.IntN(len(words))] }

func (g *scribe) put(column int, text string) {
	g.lines = append(g.lines, strings.Repeat(" ", column)+text+g.pick("", "", "", " ", "  "))
}

// between puts blank lines and comments where some may stand.
func (g *scribe) between(column int) {
	for range g.IntN(3) {
		switch g.IntN(4) {
		case 0:
			g.lines = append(g.lines, g.pick("", "  ", " "))
		case 1:
			g.put(column, g.pick("# a comment", "#another: one", "# - x"))
		}
	}
}

func (g *scribe) mapping(column, depth int) {
	for i := range 1 + g.IntN(4) {
		if i > 0 || depth == 0 {
			g.between(column)
		}
		g.n++
		key := fmt.Sprintf(g.pick("k%d", "'k%d'", `"k %d"`, "k-%d"), g.n)
		if i == 0 && len(g.lines) > 0 && strings.HasSuffix(g.lines[len(g.lines)-1], "-@") {
			g.inline(key, column, depth)
			continue
		}
		g.entry(key, column, depth)
	}
}

// inline puts a mapping's first key behind the dash of its item.
func (g *scribe) inline(key string, column, depth int) {
	last := len(g.lines) - 1
	dash := strings.TrimSuffix(g.lines[last], "@")
	g.lines = g.lines[:last]
	at := len(g.lines)
	g.entry(key, column, depth)
	g.lines[at] = dash + g.lines[at][len(dash):]
}

func (g *scribe) entry(key string, column, depth int) {
	switch n := g.IntN(10); {
	case n < 3 && depth < 4:
		g.put(column, key+":"+g.pick("", " # below"))
		inner := column + 1 + g.IntN(5)
		g.between(inner)
		g.mapping(inner, depth+1)
	case n < 5 && depth < 4:
		g.put(column, key+":")
		g.list(column+g.IntN(4), depth+1)
	default:
		g.scalar(column, key+": ", column)
	}
}

func (g *scribe) list(column, depth int) {
	for range 1 + g.IntN(3) {
		g.between(column)
		gap := strings.Repeat(" ", 1+g.IntN(3))
		switch g.IntN(3) {
		case 0:
			inner := column + 1 + len(gap)
			g.lines = append(g.lines, strings.Repeat(" ", column)+"-@")
			g.mapping(inner, depth+1)
		default:
			g.scalar(column, "-"+gap, column)
		}
	}
}

// scalar puts a value behind a lead, with the lines that go on with it.
func (g *scribe) scalar(column int, lead string, parent int) {
	switch g.IntN(9) {
	case 0:
		g.put(column, lead+g.pick("plain", "it's", "a#b", "x:y")+g.pick("", "", " # why"))
	case 1:
		g.put(column, lead+"over")
		for range 1 + g.IntN(2) {
			if g.IntN(3) == 0 {
				g.put(0, "")
			}
			g.put(parent+1+g.IntN(4), g.pick("lines", "- dash", "it's"))
		}
	case 2:
		g.put(column, lead+g.pick(`"a # b: c"`, `'it''s'`, `"\"q\""`, `""`)+g.pick("", " # c"))
	case 3:
		g.put(column, lead+`"one `+g.pick("", `\`, `\t`))
		g.put(parent+1+g.IntN(4), g.pick("", `\ `)+`two # no comment`)
		g.put(g.IntN(3), "")
		g.put(parent+2, `three"`)
	case 4:
		g.put(column, lead+g.pick("{a: 1, b: [x, 'y]']}", "[]", "{}", `{"a":'b'}`))
	case 5:
		g.put(column, lead+"{a: it's,")
		g.put(parent+1+g.IntN(5), "# inside")
		g.put(parent+1+g.IntN(5), `b: "x }",`)
		g.put(parent+1+g.IntN(3), "}")
	default:
		g.block(column, lead, parent)
	}
}

func (g *scribe) block(column int, lead string, parent int) {
	inner := 1 + g.IntN(5)
	indicator := ""
	if g.IntN(3) == 0 {
		indicator = fmt.Sprint(inner)
	}
	header := g.pick("|", "|", ">") + indicator + g.pick("", "-", "+") + g.pick("", " # a block")
	g.put(column, lead+header)
	pad := strings.Repeat(" ", parent+inner)
	if g.IntN(6) == 0 {
		return // without any text
	}
	more := ""
	if indicator != "" {
		more = g.pick("", " ", "   ")
	}
	g.lines = append(g.lines, pad+more+"text: |")
	for range g.IntN(4) {
		g.lines = append(g.lines, g.pick("", " ", pad, pad+"   ", pad+"# text", pad+"  deeper  ", pad+"- x", pad+"{{ a }}"))
	}
	g.lines = append(g.lines, pad+"end"+g.pick("", "  "))
	for range g.IntN(3) {
		g.lines = append(g.lines, "")
	}
}

func TestFormatRefuses(t *testing.T) {
	for name, c := range map[string]struct{ src, want string }{
		"no YAML":    {"a: [\n", "1:1: "},
		"nothing":    {"# only this\n", "the file is empty"},
		"two":        {"a: 1\n---\nb: 2\n", "2:1: a second document"},
		"an anchor":  {"a: &x 1\n", "anchor"},
		"a merge":    {"a: |\n  x\n<<<<<<< ours\n", "3:1: a merge left"},
		"not UTF-8":  {"a: \xff\n", "not UTF-8"},
		"a key more": {"a: 1\na: 2\n", "2:1: "},
	} {
		if out, err := Format([]byte(c.src)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %q, %v", name, out, err)
		}
	}
}

// Whatever can be read can be formatted, and stays what it is.
func FuzzFormat(f *testing.F) {
	for _, dir := range []string{"rules", "format"} {
		archives, err := filepath.Glob("testdata/" + dir + "/*.txtar")
		if err != nil {
			f.Fatal(err)
		}
		for _, name := range archives {
			archive, err := txtar.ParseFile(name)
			if err != nil {
				f.Fatal(err)
			}
			for _, file := range archive.Files {
				f.Add(file.Data)
			}
		}
	}
	for seed := range 40 {
		g := &scribe{Rand: rand.New(rand.NewPCG(uint64(seed), 9))}
		g.mapping(0, 0)
		f.Add([]byte(g.text()))
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		out, err := Format(src)
		if err != nil {
			return
		}
		again, err := Format(out)
		if err != nil || !bytes.Equal(again, out) {
			t.Fatalf("%q became %q and then %q, %v", src, out, again, err)
		}
		var before, after any
		if yaml.Unmarshal(src, &before) == nil && (yaml.Unmarshal(out, &after) != nil || !reflect.DeepEqual(before, after)) {
			t.Fatalf("%q became %q", src, out)
		}
	})
}
