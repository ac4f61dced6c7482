package prompt

import (
	"bytes"
	"encoding/json"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

// compiled is a schema, compiled so that it can open nothing.
func compiled(t *testing.T, name string) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(Schema(name)))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.UseLoader(jsonschema.SchemeURLLoader{})
	if err := c.AddResource("mem:///"+name+".json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("mem:///" + name + ".json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// What the schemas cannot say, and the checker does.
var beyondSchema = regexp.MustCompile(`^(` + strings.Join([]string{
	"a partial has", "the default ", "a value of enum ", ".* does not go with the type", ".* is less than", ".* stands in enum twice", "the pattern is not",
	"a parameter with a default", "a locked set needs", ".* is not a range of versions",
	`".*" is a word of Liquid`, "a test that expects an error", "id is not", "expect is empty",
}, "|") + ")")

// The schemas that editors use and the checker agree: what one refuses, so does
// the other, but for what schemas cannot say.
func TestSchemasAgree(t *testing.T) {
	schemas := map[string]*jsonschema.Schema{}
	for _, name := range []string{"prompt", "set", "project", "organisation"} {
		schemas[name] = compiled(t, name)
	}
	archives, err := filepath.Glob("testdata/rules/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	compared := 0
	for _, name := range archives {
		archive, err := txtar.ParseFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range archive.Files {
			what := classify(f.Name)
			schema := map[kind]string{kindOrganisation: "organisation", kindProject: "project", kindSet: "set", kindPrompt: "prompt"}[what]
			if schema == "" {
				continue
			}
			parsed := parse(f.Name, what, f.Data, Options{})
			refused, unsayable, unreadable := false, false, false
			for _, p := range parsed.problems {
				switch p.Rule {
				case ruleYAML, ruleConflictMarker:
					unreadable = true
				case ruleSchema, ruleUnknownKey, ruleName, ruleAddress:
					if p.Rule != ruleAddress || what == kindSet {
						refused = true
						unsayable = unsayable || beyondSchema.MatchString(p.Message)
					}
				}
			}
			if unreadable {
				continue
			}
			r := &reader{source: source{content: f.Data}}
			content, ok := r.value(r.load(f.Data))
			if !ok {
				continue // {{ x }} as a key
			}
			text, err := json.Marshal(content)
			if err != nil {
				t.Fatal(err)
			}
			v, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
			if err != nil {
				t.Fatal(err)
			}
			verdict := schemas[schema].Validate(v)
			compared++
			switch {
			case verdict != nil && !refused:
				t.Errorf("%s: %s: the schema refuses what the checker takes: %v", path.Base(name), f.Name, verdict)
			case verdict == nil && refused && !unsayable:
				t.Errorf("%s: %s: the schema takes what the checker refuses: %v", path.Base(name), f.Name, parsed.problems)
			}
		}
	}
	if compared < 100 {
		t.Errorf("only %d files were compared", compared)
	}
}

// Every field of every schema says what it is for, and gives an example unless its
// values are listed.
func TestSchemasDescribe(t *testing.T) {
	for _, name := range []string{"prompt", "set", "project", "organisation"} {
		var schema map[string]any
		if err := json.Unmarshal(Schema(name), &schema); err != nil {
			t.Fatal(err)
		}
		if schema["$schema"] != "http://json-schema.org/draft-07/schema#" {
			t.Errorf("%s is not draft-07", name)
		}
		describes(t, name, schema)
	}
	if Schema("nothing") != nil || Schema("../prompt") != nil {
		t.Error("there are schemas that should not be")
	}
}

func describes(t *testing.T, where string, v any) {
	switch v := v.(type) {
	case map[string]any:
		if fields, ok := v["properties"].(map[string]any); ok {
			for name, field := range fields {
				f := field.(map[string]any)
				if f["description"] == nil {
					t.Errorf("%s.%s has no description", where, name)
				}
				if f["examples"] == nil && f["enum"] == nil && f["const"] == nil && f["oneOf"] == nil && f["$ref"] == nil {
					t.Errorf("%s.%s has no example", where, name)
				}
				describes(t, where+"."+name, field)
			}
		}
		for key, child := range v {
			if key != "properties" && key != "examples" {
				describes(t, where+"."+key, child)
			}
		}
	case []any:
		for _, child := range v {
			describes(t, where, child)
		}
	}
}

// The schema's words are the checker's.
func TestSchemaKeys(t *testing.T) {
	var schema struct {
		Properties  map[string]any
		Definitions map[string]struct{ Properties map[string]any }
	}
	if err := json.Unmarshal(Schema("prompt"), &schema); err != nil {
		t.Fatal(err)
	}
	same := func(what string, got map[string]any, want []string) {
		for _, key := range want {
			if got[key] == nil {
				t.Errorf("the schema of %s lacks %s", what, key)
			}
		}
		if len(got) != len(want) {
			t.Errorf("the schema of %s has %d keys, the checker %d", what, len(got), len(want))
		}
	}
	same("a prompt", schema.Properties, promptKeys)
	same("a parameter", schema.Definitions["parameter"].Properties, parameterKeys)

	var organisation struct {
		Properties struct {
			Checks struct{ Properties map[string]any }
		}
	}
	if err := json.Unmarshal(Schema("organisation"), &organisation); err != nil {
		t.Fatal(err)
	}
	same("checks", organisation.Properties.Checks.Properties, adjustableRules())
}
