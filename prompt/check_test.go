package prompt

import (
	"flag"
	"fmt"
	"iter"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
)

var update = flag.Bool("update", false, "write what the checker says into testdata")

// files makes a tree's input of a map.
func files[V string | []byte](m map[string]V) iter.Seq2[string, []byte] {
	return func(yield func(string, []byte) bool) {
		for _, path := range slices.Sorted(maps.Keys(m)) {
			if !yield(path, []byte(m[path])) {
				return
			}
		}
	}
}

// Each archive in testdata/rules is a tree, and in its file "problems" all that
// is wrong with it, each with the line and a caret below the column.
func TestCheck(t *testing.T) {
	archives, err := filepath.Glob("testdata/rules/*.txtar")
	if err != nil || len(archives) == 0 {
		t.Fatal("there are no archives", err)
	}
	for _, name := range archives {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(name)
			if err != nil {
				t.Fatal(err)
			}
			tree, base := map[string][]byte{}, map[string][]byte{}
			want, at := "", -1
			for i, f := range archive.Files {
				if f.Name == "problems" {
					want, at = string(f.Data), i
					continue
				}
				if path, was := strings.CutPrefix(f.Name, "base/"); was {
					base[path] = f.Data
					continue
				}
				tree[f.Name] = f.Data
			}
			parsed := Parse(files(tree), Options{})
			problems := parsed.Problems()
			if len(base) > 0 {
				problems = parsed.ProblemsAgainst(baseOf(tree, base))
			}
			got := report(problems, tree)
			if got == want {
				return
			}
			if !*update {
				t.Fatalf("got:\n%s\nwant:\n%s", got, want)
			}
			if at < 0 {
				at = len(archive.Files)
				archive.Files = append(archive.Files, txtar.File{Name: "problems"})
			}
			archive.Files[at].Data = []byte(got)
			if err := os.WriteFile(name, txtar.Format(archive), 0o644); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// baseOf is the tree that an archive compares with: as it is, but for the files
// in base, of which empty ones were not there.
func baseOf(tree, base map[string][]byte) *Tree {
	was := maps.Clone(tree)
	for path, content := range base {
		if was[path] = content; len(content) == 0 {
			delete(was, path)
		}
	}
	return Parse(files(was), Options{})
}

// report writes problems for people.
func report(problems []Problem, tree map[string][]byte) string {
	var b strings.Builder
	for _, p := range problems {
		fmt.Fprintf(&b, "%s: %s\n", p.Level, p)
		if lines := strings.Split(string(tree[p.Path]), "\n"); p.Line <= len(lines) && lines[p.Line-1] != "" {
			line := []rune(lines[p.Line-1])
			pad := strings.Map(func(r rune) rune {
				if r == '\t' {
					return r
				}
				return ' '
			}, string(line[:min(p.Col-1, len(line))]))
			fmt.Fprintf(&b, "\t%s\n\t%s^\n", string(line), pad)
		}
		if p.Hint != "" {
			fmt.Fprintf(&b, "\thint: %s\n", p.Hint)
		}
	}
	return b.String()
}
