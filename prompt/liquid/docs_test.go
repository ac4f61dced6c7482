package liquid

import (
	"context"
	"os"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// page is the dialect's normative page.
const page = "../../docs/liquid.md"

func fences(t *testing.T, language string) []string {
	t.Helper()
	data, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	parts := strings.Split(string(data), "```")
	for i := 1; i < len(parts); i += 2 {
		if body, ok := strings.CutPrefix(parts[i], language+"\n"); ok {
			found = append(found, body)
		}
	}
	return found
}

// TestPageExamples renders each example of the page.
func TestPageExamples(t *testing.T) {
	var vars map[string]any
	if err := yaml.Unmarshal([]byte(fences(t, "yaml")[0]), &vars); err != nil {
		t.Fatal(err)
	}
	count := 0
	for _, fence := range fences(t, "liquid") {
		pending := ""
		for line := range strings.SplitSeq(strings.TrimSuffix(fence, "\n"), "\n") {
			source, want, ok := strings.Cut(line, "→ ")
			if !ok {
				pending += line + "\n"
				continue
			}
			source, pending = pending+strings.TrimRight(source, " "), ""
			want = strings.ReplaceAll(want, "⏎", "\n")
			count++
			tpl, problems := Compile(source)
			if tpl == nil {
				t.Errorf("%s does not compile: %v", source, problems)
				continue
			}
			got, err := tpl.Render(context.Background(), vars, nil, Budget{})
			if message, fails := strings.CutPrefix(want, "✗ "); fails {
				if e, ok := err.(*Error); !ok || e.Message != message {
					t.Errorf("%s\n got %q, %v\nwant the error %q", source, got, err, message)
				}
				continue
			}
			if err != nil || got != want {
				t.Errorf("%s\n got %q, %v\nwant %q", source, got, err, want)
			}
		}
		if pending != "" {
			t.Errorf("%q has no arrow", pending)
		}
	}
	if count < 80 {
		t.Errorf("only %d examples", count)
	}
}

// TestPageIsComplete looks for an example of each filter and a word on each tag.
func TestPageIsComplete(t *testing.T) {
	examples := strings.Join(fences(t, "liquid"), "\n")
	for name := range filters {
		if !strings.Contains(examples, "| "+name+" ") && !strings.Contains(examples, "| "+name+":") {
			t.Errorf("no example of the filter %s", name)
		}
	}
	data, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range tagNames {
		if !strings.Contains(string(data), "{% "+name+" ") && !strings.Contains(string(data), "`"+name+"`") {
			t.Errorf("no word on the tag %s", name)
		}
	}
}

// TestTagNames holds the list of tags to what the parser reads.
func TestTagNames(t *testing.T) {
	p := newParser("")
	for _, name := range tagNames {
		scanned := name == "comment" || name == "doc" || name == "liquid" || name == "raw"
		if (p.tag(name) == nil) != scanned {
			t.Errorf("%s is in the list and not read, or the other way round", name)
		}
	}
}
