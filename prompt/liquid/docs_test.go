package liquid

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
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

// A refusal is a line of the page's tables of what is refused.
type refusal struct {
	name, example string
	rules         []string
}

func refusals(t *testing.T) map[string]refusal {
	t.Helper()
	data, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	_, part, _ := strings.Cut(string(data), "## What is refused")
	found := map[string]refusal{}
	for line := range strings.SplitSeq(part, "\n") {
		cells := strings.Split(strings.ReplaceAll(line, `\|`, "\x00"), "|")
		if len(cells) != 6 || !strings.Contains(cells[2], "`{") {
			continue
		}
		for i := range cells {
			cells[i] = strings.ReplaceAll(strings.TrimSpace(cells[i]), "\x00", "|")
		}
		rules := strings.Fields(strings.NewReplacer("`", "", ",", "").Replace(cells[4]))
		found[cells[1]] = refusal{cells[1], strings.Trim(cells[2], "`"), rules}
	}
	return found
}

// TestPageRefusals holds the lists of what is refused to the truth: each example is refused for its rule, and whatever
// the vectors of the language say is refused stands in a list, with the rule it is refused for.
func TestPageRefusals(t *testing.T) {
	var vars map[string]any
	if err := yaml.Unmarshal([]byte(fences(t, "yaml")[0]), &vars); err != nil {
		t.Fatal(err)
	}
	listed := refusals(t)
	if len(listed) < 40 {
		t.Fatalf("only %d lines", len(listed))
	}
	for _, r := range listed {
		if rule := refusedFor(r.example, vars); !slices.Contains(r.rules, rule) {
			t.Errorf("%s: %s is refused for %q, not %q", r.name, r.example, rule, r.rules)
		}
	}
	files, err := filepath.Glob("testdata/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var some []struct {
			Template, Refused, Differs string
			With                       map[string]any
			Partials                   map[string]string
		}
		if err := yaml.Unmarshal(data, &some); err != nil {
			t.Fatal(err)
		}
		for _, v := range some {
			if v.Differs != "" && !strings.Contains(pageText(t), v.Differs) {
				t.Errorf("%q is not in the list of differences", v.Differs)
			}
			if v.Refused == "" || len(v.Partials) > 0 {
				continue
			}
			r, ok := listed[v.Refused]
			if rule := refusedFor(v.Template, v.With); !ok || !slices.Contains(r.rules, rule) {
				t.Errorf("%q: is refused for %q, and the line %q says %q", v.Template, rule, v.Refused, r.rules)
			}
		}
	}
}

// refusedFor returns the rule that a template breaks, "" when it renders.
func refusedFor(source string, vars map[string]any) string {
	tpl, problems := Compile(source)
	if tpl == nil {
		return problems[0].Rule
	}
	_, err := tpl.Render(context.Background(), vars, nil, Budget{})
	var e *Error
	if errors.As(err, &e) {
		return e.Rule
	}
	return ""
}

// pageText is the page with its lines joined.
func pageText(t *testing.T) string {
	t.Helper()
	data, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(strings.Fields(string(data)), " ")
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
