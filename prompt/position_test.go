package prompt

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

// marked is where the word zzmark stands in a file.
func marked(content string) (line, col int) {
	return positionOf([]byte(content), strings.Index(content, "zzmark"))
}

// undeclared checks a prompt and returns where it finds the parameter zzmark.
func undeclared(t *testing.T, content string) (line, col int) {
	t.Helper()
	tree := Parse(files(map[string]string{"a/project.yaml": "name: A\n", "a/s/p.yaml": content}), Options{CompileOnly: true})
	for _, p := range tree.Problems() {
		if p.Rule == ruleUndeclared && strings.Contains(p.Message, "zzmark") {
			return p.Line, p.Col
		}
	}
	t.Fatalf("zzmark is not found in %q: %v", content, tree.Problems())
	return 0, 0
}

func TestPositions(t *testing.T) {
	for name, content := range map[string]string{
		"plain":                  "template: a {{ zzmark }}\n",
		"quoted key":             "\"template\": 'a {{ zzmark }}'\n",
		"single":                 "template: 'it''s ''{{ zzmark }}'\n",
		"double":                 `template: "\ttab \"q\" é \U0001F600 \x41 {{ zzmark }}"` + "\n",
		"double over lines":      "template: \"one\n\n  two \\\n  three {{ zzmark }}\"\n",
		"single over lines":      "template: 'one\n\n  two\n  three {{ zzmark }}'\n",
		"plain over lines":       "template: one\n  two\n\n  three {{ zzmark }}\n",
		"literal":                "template: |\n  one\n  {{ zzmark }}\n",
		"literal, blank first":   "template: |\n\n\n  one\n\n  {{ zzmark }}\n",
		"literal, strip":         "template: |-\n  one\n  {{ zzmark }}\n\n\n",
		"literal, keep":          "template: |+\n  one\n  {{ zzmark }}\n\n\n",
		"literal, indicator":     "template: |4\n      deeper\n    one\n    {{ zzmark }}\n",
		"literal, indented more": "template: |\n  one\n      {{ zzmark }}\n",
		"literal, spaces first":  "template: |\n \n  one\n  {{ zzmark }}\n",
		"literal, comment":       "template: | # liquid\n  one {{ zzmark }}\n",
		"literal, in a list":     "messages:\n  - role: user\n    content: |\n      one\n      {{ zzmark }}\n",
		"literal, deep":          "messages:\n    -   role: user\n        content: |-\n            one\n            {{ zzmark }}\n",
		"folded":                 "template: >\n  one\n  two {{ zzmark }}\n",
		"folded, paragraphs":     "template: >-\n  one\n  two\n\n  three\n    kept {{ zzmark }}\n",
		"folded, blank first":    "template: >\n\n  one\n  two {{ zzmark }}\n",
		"flow":                   "messages: [{role: user, content: 'x {{ zzmark }}'}]\n",
		"a tag of two lines":     "template: |\n  {{\n    zzmark\n  }}\n",
		"wide":                   "template: |\n  日本語 👩‍👩‍👧 {{ zzmark }}\n",
	} {
		t.Run(name, func(t *testing.T) {
			for kind, content := range map[string]string{
				"as it is": content,
				"CRLF":     strings.ReplaceAll(content, "\n", "\r\n"),
				"after":    "# comment\nname: \"x\"\n" + content,
				"BOM":      "\ufeff" + content,
			} {
				line, col := marked(content)
				if gotLine, gotCol := undeclared(t, content); gotLine != line || gotCol != col {
					t.Errorf("%s: at %d:%d, want %d:%d in\n%s", kind, gotLine, gotCol, line, col, content)
				}
			}
		})
	}
}

// Whatever stands around it and however it is written, a mark is found where it
// is.
func TestPositionsOfAnything(t *testing.T) {
	words := []string{"a", "bc", "ünï", "日本", "it's", `"q"`, `\`, "#x", "x:", "-", "👩‍👧", "{% raw %}{{{% endraw %}", "  ", "%", "|", ">"}
	for seed := range 3000 {
		r := rand.New(rand.NewPCG(uint64(seed), 7))
		var lines []string
		for range 1 + r.IntN(6) {
			var line []string
			for range r.IntN(5) {
				line = append(line, words[r.IntN(len(words))])
			}
			lines = append(lines, strings.Join(line, " "))
		}
		at := r.IntN(len(lines))
		lines[at] += " {{ zzmark }} " + words[r.IntN(len(words))]
		content := write(r, lines)
		line, col := marked(content)
		if gotLine, gotCol := undeclared(t, content); gotLine != line || gotCol != col {
			t.Fatalf("seed %d: at %d:%d, want %d:%d in\n%s", seed, gotLine, gotCol, line, col, content)
		}
	}
}

// write writes lines as the template of a prompt, in a random style.
func write(r *rand.Rand, lines []string) string {
	indent := strings.Repeat(" ", 2+r.IntN(4))
	block := func(header string) string {
		var b strings.Builder
		b.WriteString("template: " + header + "\n")
		for _, l := range lines {
			if strings.TrimSpace(l) == "" {
				l = ""
			} else {
				l = indent + l
			}
			b.WriteString(l + "\n")
		}
		return b.String()
	}
	switch r.IntN(4) {
	case 0:
		return block(fmt.Sprintf("|%d", len(indent)))
	case 1:
		return block(fmt.Sprintf(">%d-", len(indent)))
	case 2:
		text := strings.ReplaceAll(strings.Join(lines, "\n"+indent), "'", "''")
		return "template: '" + text + "'\n"
	}
	text := strings.Join(lines, "\n")
	text = strings.ReplaceAll(text, `\`, `\\`)
	text = strings.ReplaceAll(text, `"`, `\"`)
	switch r.IntN(3) {
	case 0:
		text = strings.ReplaceAll(text, "\n", `\n`)
	case 1:
		text = strings.ReplaceAll(text, "\n", "\\n\\\n"+indent)
	case 2:
		text = strings.ReplaceAll(text, "\n", "\n"+indent)
		text = strings.ReplaceAll(text, "ü", `\xfc`)
	}
	return `template: "` + text + "\"\n"
}
