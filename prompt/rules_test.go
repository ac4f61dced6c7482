package prompt

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/anvilpeering/anvil/prompt/liquid"
)

// section is what docs/rules.md says about a rule.
type section struct {
	rule, level string
	blocks      []string
}

var (
	fence     = regexp.MustCompile("(?s)```yaml\n(.*?)```")
	fileLine  = regexp.MustCompile(`^# ([a-zA-Z/_0-9.-]+\.yaml)$`)
	codePoint = regexp.MustCompile(`<U\+([0-9A-F]{4})>`)
)

func sections(t *testing.T) []section {
	t.Helper()
	text, err := os.ReadFile("../docs/rules.md")
	if err != nil {
		t.Fatal(err)
	}
	var all []section
	for _, part := range strings.Split(string(text), "\n### ")[1:] {
		part, _, _ = strings.Cut(part, "\n## ")
		rule, body, _ := strings.Cut(part, "\n")
		s := section{rule: rule}
		if m := regexp.MustCompile(`\*(Error|Warning)\.\*`).FindStringSubmatch(body); m != nil {
			s.level = strings.ToLower(m[1])
		}
		if !strings.Contains(body, "**Fix:**") {
			t.Errorf("%s does not say how to fix it", rule)
		}
		for _, m := range fence.FindAllStringSubmatch(body, -1) {
			s.blocks = append(s.blocks, m[1])
		}
		all = append(all, s)
	}
	return all
}

// example makes a tree of a block of the documentation.
func example(block string) map[string]string {
	world := map[string]string{"anvil.yaml": "organisation: acme\nformat: 1\n", "support/project.yaml": "name: Support\n"}
	if strings.HasPrefix(block, " ") { // conflict markers do not stand at the beginning of a line there
		block = strings.ReplaceAll("\n"+block, "\n ", "\n")[1:]
	}
	block = codePoint.ReplaceAllStringFunc(block, func(s string) string {
		c, err := strconv.ParseInt(codePoint.FindStringSubmatch(s)[1], 16, 32)
		if err != nil {
			panic(err)
		}
		return string(rune(c))
	})
	path := ""
	for line := range strings.Lines(block) {
		if m := fileLine.FindStringSubmatch(strings.TrimSpace(line)); m != nil {
			path = m[1]
			continue
		}
		world[path] += line
	}
	return world
}

// docs/rules.md describes every rule with its level, and its examples are true:
// the first has the problem, the second has none.
func TestRulesAreDocumented(t *testing.T) {
	rendering := []string{liquid.RuleUndefined, liquid.RuleValue, liquid.RulePartial, liquid.RuleLimit, liquid.RuleInternal}
	want := slices.Concat(slices.Collect(maps.Keys(rules)), rendering)
	var got []string
	for _, s := range sections(t) {
		got = append(got, s.rule)
		t.Run(s.rule, func(t *testing.T) {
			if slices.Contains(rendering, s.rule) {
				return
			}
			if s.level != rules[s.rule].level.String() {
				t.Errorf("its level is %s, not %s", rules[s.rule].level, s.level)
			}
			if s.rule == ruleLocked {
				world := example(s.blocks[0])
				tree := Parse(files(world), Options{})
				changed := tree.With(Change{Path: "support/triage/a.yaml", Content: []byte("template: Good day\n")})
				if got := Introduced(tree, changed); len(got) != 1 || got[0].Rule != ruleLocked {
					t.Errorf("a change of the example introduces %v", got)
				}
				return
			}
			if len(s.blocks) != 2 {
				t.Fatalf("it has %d examples, not 2", len(s.blocks))
			}
			if s.rule == ruleBreaking {
				was, is := Parse(files(example(s.blocks[0])), Options{}), Parse(files(example(s.blocks[1])), Options{})
				if got := is.ProblemsAgainst(was); len(got) != 1 || got[0].Rule != ruleBreaking {
					t.Errorf("between the examples is %v", got)
				}
				return
			}
			bad := Parse(files(example(s.blocks[0])), Options{}).Problems()
			if !slices.ContainsFunc(bad, func(p Problem) bool { return p.Rule == s.rule }) {
				t.Errorf("the first example has %v", bad)
			}
			if good := Parse(files(example(s.blocks[1])), Options{}).Problems(); len(good) > 0 {
				t.Errorf("the second example has %v", good)
			}
		})
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("the rules in the documentation are %q, not %q", got, want)
	}
}

// Every rule has an archive in testdata/rules that is named for it and shows it:
// <rule>.txtar, or several <rule>-<what>.txtar.
func TestRulesAreShown(t *testing.T) {
	for id := range rules {
		archives, err := filepath.Glob("testdata/rules/" + id + "*.txtar")
		if err != nil {
			t.Fatal(err)
		}
		shown := slices.ContainsFunc(archives, func(name string) bool {
			of := strings.TrimSuffix(filepath.Base(name), ".txtar")
			if of != id && !strings.HasPrefix(of, id+"-") {
				return false
			}
			content, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			_, problems, _ := strings.Cut(string(content), "-- problems --\n")
			return strings.Contains(problems, "["+id+"]\n")
		})
		if !shown {
			t.Errorf("no archive is named for %s and shows it", id)
		}
	}
}
