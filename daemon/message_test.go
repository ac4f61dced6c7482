package daemon

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/anvilpeering/anvil/gitstore"
)

func TestMessage(t *testing.T) {
	blob := func(content string) gitstore.Hash { return gitstore.BlobHash([]byte(content)) }
	set := func(folder string, n int) map[string]string {
		files := make(map[string]string)
		for i := range n {
			files[fmt.Sprintf("%s/p%02d.yaml", folder, i)] = fmt.Sprint(folder, i)
		}
		return files
	}
	moved := func(folder string, files map[string]string) map[string]string {
		out := make(map[string]string)
		for p, content := range files {
			out[folder+p[strings.LastIndexByte(p, '/'):]] = content
		}
		return out
	}
	triage := set("support/triage", 3)
	tests := []struct {
		name          string
		before, after map[string]string
		subject       string
		body          []string
	}{
		{
			"a prompt",
			map[string]string{"support/triage/classify.yaml": "a"},
			map[string]string{"support/triage/classify.yaml": "b"},
			"update support/triage/classify",
			[]string{"M support/triage/classify.yaml"},
		},
		{
			"a new prompt", nil,
			map[string]string{"support/triage/classify.yaml": "b"},
			"add support/triage/classify",
			[]string{"A support/triage/classify.yaml"},
		},
		{
			"no prompt",
			map[string]string{"support/triage/set.yaml": "a"},
			nil,
			"remove support/triage/set.yaml",
			[]string{"D support/triage/set.yaml"},
		},
		{
			"a rename",
			map[string]string{"support/triage/a.yaml": "x"},
			map[string]string{"support/triage/b.yaml": "x"},
			"rename support/triage/a → support/triage/b",
			[]string{"R support/triage/a.yaml -> support/triage/b.yaml"},
		},
		{
			"a rename with an edit",
			map[string]string{"support/triage/a.yaml": "x"},
			map[string]string{"support/triage/b.yaml": "y"},
			"rename support/triage/a → support/triage/b",
			[]string{"R support/triage/a.yaml -> support/triage/b.yaml"},
		},
		{
			"a folder", triage, moved("support/sorting", triage),
			"rename support/triage/ → support/sorting/", nil,
		},
		{
			"many of a set", nil, set("support/triage", 14),
			"add 14 prompts in support/triage/", nil,
		},
		{
			"many of a project", set("support/triage", 7), moved("support/other", set("support/triage", 2)),
			"update 7 prompts in support/", nil,
		},
		{
			"many of many", nil,
			map[string]string{"a/b/c.yaml": "1", "d/e/f.yaml": "2"},
			"add 2 prompts", nil,
		},
		{
			"prompts and more", nil,
			map[string]string{"a/project.yaml": "1", "a/e/f.yaml": "2"},
			"add 2 files in a/", nil,
		},
		{
			"a long name", nil,
			map[string]string{"a/b/" + strings.Repeat("x", 90) + ".yaml": "1"},
			"add a/b/" + strings.Repeat("x", 63) + "…", nil,
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			blobs := make(map[string]gitstore.Hash)
			paths := make(map[string]bool)
			for p, content := range test.before {
				blobs[p], paths[p] = blob(content), true
			}
			for p := range test.after {
				paths[p] = true
			}
			var entries []*entry
			for _, p := range slices.Sorted(maps.Keys(paths)) {
				e := &entry{path: p}
				if content, ok := test.after[p]; ok {
					e.got = captured{is: present, content: []byte(content), hash: blob(content)}
				}
				entries = append(entries, e)
			}
			got := message(entries, blobs, "", sourceWatch, 2)
			lines := strings.Split(strings.TrimSuffix(got, "\n"), "\n")
			if lines[0] != test.subject {
				t.Errorf("subject %q, want %q", lines[0], test.subject)
			}
			if n := len([]rune(lines[0])); n > maxSubject {
				t.Errorf("the subject has %d runes", n)
			}
			if test.body != nil {
				want := append(append([]string{test.subject, ""}, test.body...), "", "Anvil-Source: watch", "Anvil-Held: 2")
				if !slices.Equal(lines, want) {
					t.Errorf("got:\n%s\nwant:\n%s", got, strings.Join(want, "\n"))
				}
			}
		})
	}
	t.Run("the body is bounded", func(t *testing.T) {
		var entries []*entry
		for p := range set("a/b", 80) {
			entries = append(entries, &entry{path: p, got: captured{is: present}})
		}
		if got := message(entries, nil, "prompts:", sourceScan, 0); !strings.Contains(got, "\nand 30 more\n\nAnvil-Source: scan\n") ||
			!strings.HasPrefix(got, "prompts: add 80 prompts in a/b/\n") {
			t.Errorf("got:\n%s", got)
		}
	})
}
