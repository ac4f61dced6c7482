// Package anvil_test holds the house to its plan: which package may stand on
// which, what the embedded client must not drag in, and that the pages of
// documentation point at things that exist.
package anvil_test

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/anvilpeering/anvil/prompt"
)

const module = "github.com/anvilpeering/anvil"

// floors says what each package may import, of ours: only packages on lower
// floors. docs/architecture.md draws it.
var floors = map[string][]string{
	"diff3":           {},
	"protocol":        {},
	"prompt/liquid":   {},
	"prompt":          {"prompt/liquid", "diff3"},
	"bundle":          {},
	"gitstore":        {},
	"state":           {},
	"library":         {"gitstore", "prompt"},
	"exchange":        {"library", "gitstore", "bundle", "prompt"},
	"release":         {"library", "gitstore", "bundle", "prompt"},
	"daemon":          {"library", "gitstore", "prompt", "diff3"},
	"push":            {"release", "gitstore", "state", "protocol"},
	"client":          {"bundle", "prompt", "protocol"},
	"httpapi":         {"push", "library", "release", "gitstore", "state", "bundle", "prompt", "protocol"},
	"prompts-example": {},
	"bench":           {"client", "protocol"}, // and the real binary
	"cmd/anvil": {
		"httpapi", "daemon", "push", "client", "release", "exchange", "library",
		"gitstore", "bundle", "prompt", "state", "protocol", "prompts-example",
	},
}

// listed is the part of `go list -json` that is looked at here.
type listed struct {
	ImportPath   string
	Imports      []string
	TestImports  []string
	XTestImports []string
	Deps         []string
	Doc          string
}

func list(t *testing.T, args ...string) []listed {
	t.Helper()
	out, err := exec.Command("go", append([]string{"list", "-json"}, args...)...).Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var all []listed
	for d := json.NewDecoder(bytes.NewReader(out)); d.More(); {
		var l listed
		if err := d.Decode(&l); err != nil {
			t.Fatal(err)
		}
		all = append(all, l)
	}
	return all
}

func TestFloors(t *testing.T) {
	for _, l := range list(t, "./...") {
		if l.ImportPath == module {
			continue // these tests
		}
		name := strings.TrimPrefix(l.ImportPath, module+"/")
		allowed, planned := floors[name]
		if !planned {
			t.Errorf("package %s has no floor", name)
			continue
		}
		for _, i := range l.Imports {
			if below, ours := strings.CutPrefix(i, module+"/"); ours && !slices.Contains(allowed, below) {
				t.Errorf("package %s must not import %s", name, below)
			}
		}
		if l.Doc == "" {
			t.Errorf("package %s does not say what it is for", name)
		}
	}
}

// An application embeds package client: neither git, nor a web framework, nor a
// database, nor a file watcher comes along.
func TestClientStaysLight(t *testing.T) {
	for _, dep := range list(t, "./client")[0].Deps {
		heavy := dep == "database/sql" // the interfaces of database/sql/driver weigh nothing
		for _, name := range []string{"go-git", "labstack/echo", "modernc.org", "fsnotify", module + "/gitstore"} {
			heavy = heavy || strings.Contains(dep, name)
		}
		if heavy {
			t.Errorf("package client reaches %s", dep)
		}
	}
}

func TestOnlyHTTPAPIKnowsEcho(t *testing.T) {
	for _, l := range list(t, "./...") {
		if l.ImportPath == module+"/httpapi" {
			continue
		}
		for _, i := range l.Imports {
			if strings.HasPrefix(i, "github.com/labstack/") {
				t.Errorf("%s imports %s", l.ImportPath, i)
			}
		}
	}
}

var link = regexp.MustCompile(`\]\(([^)#]+)(#[^)]*)?\)`)

func TestLinksInDocumentation(t *testing.T) {
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(path) != ".md" {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for _, m := range link.FindAllSubmatch(text, -1) {
			target := string(m[1])
			if strings.Contains(target, "://") || strings.HasPrefix(target, "mailto:") {
				continue
			}
			if _, err := os.Stat(filepath.Join(filepath.Dir(path), target)); err != nil {
				t.Errorf("%s links to %s, which is not there", path, target)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// Every key that a file may have is explained where authors look.
func TestFormatIsDocumented(t *testing.T) {
	page, err := os.ReadFile(filepath.Join("docs", "format.md"))
	if err != nil {
		t.Fatal(err)
	}
	schemas, err := filepath.Glob(filepath.Join("prompt", "schema", "*.json"))
	if err != nil || len(schemas) != 4 {
		t.Fatalf("schemas: %v %v", schemas, err)
	}
	for _, path := range schemas {
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var schema struct {
			Properties  map[string]any
			Definitions map[string]struct{ Properties map[string]any }
		}
		if err := json.Unmarshal(content, &schema); err != nil {
			t.Fatal(err)
		}
		keys := slices.Collect(maps.Keys(schema.Properties))
		for _, d := range schema.Definitions {
			keys = append(keys, slices.Collect(maps.Keys(d.Properties))...)
		}
		for _, key := range keys {
			if !bytes.Contains(page, []byte("`"+key+"`")) && !bytes.Contains(page, []byte("`"+key+":")) {
				t.Errorf("docs/format.md does not explain %s of %s", key, path)
			}
		}
	}
}

// The prompts that README and the format's page show can be pasted.
func TestShownPromptsCheckClean(t *testing.T) {
	for _, path := range []string{"README.md", "docs/format.md"} {
		page, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		_, block, ok := bytes.Cut(page, []byte("```yaml\n"))
		block, _, closed := bytes.Cut(block, []byte("```\n"))
		if !ok || !closed {
			t.Fatalf("%s shows no prompt", path)
		}
		files := map[string]string{
			"anvil.yaml":                   "organisation: acme\nformat: 1\n",
			"support/project.yaml":         "name: Support\n",
			"support/triage/classify.yaml": string(block),
			"support/triage/_tone.yaml":    "name: Tone\nparameters:\n  formality: {type: string}\ntemplate: \"Be {{ formality }}.\"\n",
		}
		tree := prompt.Parse(func(yield func(string, []byte) bool) {
			for path, content := range files {
				if !yield(path, []byte(content)) {
					return
				}
			}
		}, prompt.Options{})
		for _, p := range tree.Problems() {
			t.Errorf("%s: %s", path, p)
		}
	}
}
