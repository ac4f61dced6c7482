package bundle

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestManifestEncode(t *testing.T) {
	m := releaseManifest(at.Unix(), small())
	m.Created = time.Date(2026, 11, 23, 11, 0, 0, 123456789, time.FixedZone("CET", 3600))
	m.Ext = map[string]json.RawMessage{"z": json.RawMessage(`"<b>"`), "a": json.RawMessage(`{"n":1}`)}
	raw, err := m.Encode()
	if err != nil {
		t.Fatal(err)
	}
	want := `{
  "format": "1.0",
  "type": "anvil.release",
  "stream": "acme/support/production",
  "sequence": 1795428000,
  "revision": "3f2a91c0d4e5f60718293a4b5c6d7e8f90a1b2c3",
  "created": "2026-11-23T10:00:00Z",
  "expires": "2026-12-23T10:00:00Z",
  "content": {
    "algorithm": "sha256",
    "sums_sha256": "` + m.Content.SumsSHA256 + `",
    "files": 4,
    "bytes": 118
  },
  "recipients": [],
  "generator": {
    "name": "anvil",
    "version": "1.0.0"
  },
  "ext": {
    "a": {
      "n": 1
    },
    "z": "<b>"
  }
}
`
	if string(raw) != want {
		t.Errorf("got:\n%s\nwant:\n%s", raw, want)
	}
	again, err := ParseManifest(raw)
	if err != nil {
		t.Fatal(err)
	}
	twice, err := again.Encode()
	if err != nil || !bytes.Equal(twice, raw) {
		t.Errorf("encoded again: %v\n%s", err, twice)
	}
	if !again.Created.Equal(at) {
		t.Errorf("created %s", again.Created)
	}
}

// What cannot be read back is not encoded.
func TestManifestEncodeRefuses(t *testing.T) {
	tests := map[string]func(m *Manifest){
		"no type":               func(m *Manifest) { m.Type = "" },
		"another major version": func(m *Manifest) { m.Format = "2.0" },
		"no stream":             func(m *Manifest) { m.Stream = "" },
		"two segments":          func(m *Manifest) { m.Stream = "acme/support" },
		"four segments":         func(m *Manifest) { m.Stream = "acme/support/a/b" },
		"pattern for a stream":  func(m *Manifest) { m.Stream = "acme/support/*" },
		"no sequence":           func(m *Manifest) { m.Sequence = 0 },
		"negative sequence":     func(m *Manifest) { m.Sequence = -1 },
		"sequence above 2^53-1": func(m *Manifest) { m.Sequence = maxInteger + 1 },
		"no revision":           func(m *Manifest) { m.Revision = "" },
		"short revision":        func(m *Manifest) { m.Revision = "3f2a91c" },
		"never created":         func(m *Manifest) { m.Created = time.Time{} },
		"never expires":         func(m *Manifest) { m.Expires = time.Time{} },
		"expires when created":  func(m *Manifest) { m.Expires = m.Created },
		"scope in a release":    func(m *Manifest) { m.Scope = []string{"support/"} },
		"organisation":          func(m *Manifest) { m.Organisation = "acme" },
		"recipient":             func(m *Manifest) { m.Recipients = []string{strings.Repeat("0", 64)} },
		"other algorithm":       func(m *Manifest) { m.Content.Algorithm = "sha1" },
		"no root":               func(m *Manifest) { m.Content.SumsSHA256 = "" },
		"no files":              func(m *Manifest) { m.Content.Files = 0 },
		"no generator":          func(m *Manifest) { m.Generator = Generator{} },
		"generator with escape": func(m *Manifest) { m.Generator.Version = "1\x1b[2J" },
		"too large": func(m *Manifest) {
			m.Ext = map[string]json.RawMessage{"a": json.RawMessage(`"` + strings.Repeat("a", MaxManifest) + `"`)}
		},
		"not JSON": func(m *Manifest) { m.Ext = map[string]json.RawMessage{"a": json.RawMessage(`{`)} },
		"float":    func(m *Manifest) { m.Ext = map[string]json.RawMessage{"a": json.RawMessage(`1.5`)} },
	}
	for name, spoil := range tests {
		t.Run(name, func(t *testing.T) {
			m := releaseManifest(at.Unix(), small())
			spoil(m)
			if raw, err := m.Encode(); err == nil {
				t.Errorf("encoded:\n%s", raw)
			}
		})
	}
	for name, spoil := range map[string]func(m *Manifest){
		"no organisation":   func(m *Manifest) { m.Organisation = "" },
		"no scope":          func(m *Manifest) { m.Scope = nil },
		"scope twice":       func(m *Manifest) { m.Scope = []string{"a/", "a/"} },
		"scope of all":      func(m *Manifest) { m.Scope = []string{"/"} },
		"scope of a parent": func(m *Manifest) { m.Scope = []string{"../"} },
		"scope too deep":    func(m *Manifest) { m.Scope = []string{"a/b/c/d"} },
		"stream":            func(m *Manifest) { m.Stream = stream },
		"sequence":          func(m *Manifest) { m.Sequence = 1 },
		"expires":           func(m *Manifest) { m.Expires = at.Add(time.Hour) },
		"recipient's name":  func(m *Manifest) { m.Recipients = []string{"bob"} },
	} {
		t.Run("selection/"+name, func(t *testing.T) {
			m := selectionManifest(small())
			spoil(m)
			if raw, err := m.Encode(); err == nil {
				t.Errorf("encoded:\n%s", raw)
			}
		})
	}
}

func TestParseManifestRefuses(t *testing.T) {
	raw, err := releaseManifest(at.Unix(), small()).Encode()
	if err != nil {
		t.Fatal(err)
	}
	good := string(raw)
	tests := []struct{ name, rule, old, with string }{
		{"byte order mark", "manifest-json", "{", "\xef\xbb\xbf{"},
		{"not UTF-8", "manifest-json", "anvil\"", "anv\xffil\""},
		{"key twice", "manifest-json", `"format": "1.0"`, `"format": "1.0", "format": "1.0"`},
		{"key twice, once escaped", "manifest-json", `"format": "1.0"`, `"format": "1.0", "f\u006frmat": "1.0"`},
		{"key twice, deeper", "manifest-json", `"name": "anvil"`, `"name": "anvil", "name": "evil"`},
		{"key twice in ext", "manifest-json", `"recipients"`, `"ext": {"a": {"b": 1, "b": 2}}, "recipients"`},
		{"unknown key", "manifest-schema", `"format"`, `"unknown": 1, "format"`},
		{"unknown key, deeper", "manifest-schema", `"name": "anvil"`, `"name": "anvil", "x": 1`},
		{"key in capitals", "manifest-schema", `"sequence"`, `"Sequence"`},
		{"key in other case beside it", "manifest-schema", `"sequence"`, `"SEQUENCE": 1, "sequence"`},
		{"integer above 2^53-1", "manifest-json", "1795428000", "9007199254740992"},
		{"integer above 2^64", "manifest-json", "1795428000", "99999999999999999999"},
		{"float", "manifest-json", "1795428000", "1795428000.0"},
		{"exponent", "manifest-json", "1795428000", "1e9"},
		{"string for an integer", "manifest-schema", "1795428000", `"1795428000"`},
		{"null", "manifest-schema", "1795428000", "null"},
		{"local time", "manifest-schema", "2026-12-23T10:00:00Z", "2026-12-23T10:00:00+01:00"},
		{"fraction of a second", "manifest-schema", "2026-12-23T10:00:00Z", "2026-12-23T10:00:00.5Z"},
		{"no such day", "manifest-schema", "2026-12-23T10:00:00Z", "2026-12-32T10:00:00Z"},
		{"small letters in a time", "manifest-schema", "2026-12-23T10:00:00Z", "2026-12-23t10:00:00z"},
		{"leap second", "manifest-schema", "2026-12-23T10:00:00Z", "2026-12-23T10:00:60Z"},
		{"expires before created", "manifest-time", "2026-12-23T10:00:00Z", "2025-12-23T10:00:00Z"},
		{"another major version", "manifest-version", `"1.0"`, `"2.0"`},
		{"version without minor", "manifest-schema", `"1.0"`, `"1"`},
		{"unknown type", "manifest-schema", "anvil.release", "anvil.envelope"},
		{"selection with a stream", "manifest-schema", "anvil.release", "anvil.selection"},
		{"half a surrogate pair", "manifest-json", `"recipients"`, `"ext": {"a": "\ud800"}, "recipients"`},
		{"text after it", "manifest-json", "\n}\n", "\n}\n{}"},
		{"trailing comma", "manifest-json", `"1.0.0"`, `"1.0.0",`},
		{"comment", "manifest-json", "{", "{ // no\n"},
		{"a list", "manifest-schema", good, "[]"},
		{"a string", "manifest-schema", good, `"manifest"`},
		{"nothing", "manifest-json", good, ""},
		{"nested too deep", "manifest-json", `"recipients"`, `"ext": {"a": ` + strings.Repeat("[", 40) + strings.Repeat("]", 40) + `}, "recipients"`},
		{"too large", "manifest-size", "{", strings.Repeat(" ", MaxManifest) + "{"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if !strings.Contains(good, test.old) {
				t.Fatalf("no %q in the manifest", test.old)
			}
			_, err := ParseManifest([]byte(strings.Replace(good, test.old, test.with, 1)))
			var refused *Error
			if !errors.As(err, &refused) || refused.Rule != test.rule {
				t.Errorf("got %v, want rule %s", err, test.rule)
			}
		})
	}
}

// A minor version of this major says more under ext, and is read.
func TestMinorVersion(t *testing.T) {
	m := releaseManifest(at.Unix(), small())
	m.Format, m.Ext = "1.7", map[string]json.RawMessage{"signers": json.RawMessage(`"x"`)}
	b := sign(t, "acme", m, small())
	got := accepted(t, written(t, b), expecting(t))
	if got.Manifest.Format != "1.7" || string(got.Manifest.Ext["signers"]) != `"x"` {
		t.Errorf("%+v", got.Manifest)
	}
}

// The specification's example is a manifest, its list of keys is the schema's,
// and it names every rule.
func TestSpecification(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "docs", "bundle-format.md"))
	if err != nil {
		t.Fatal(err)
	}
	spec := string(text)
	examples := 0
	for block := range strings.SplitSeq(spec, "```") {
		body, ok := strings.CutPrefix(block, "json\n")
		if !ok || !strings.Contains(body, `"sums_sha256"`) {
			continue
		}
		examples++
		m, err := ParseManifest([]byte(body))
		if err != nil {
			t.Errorf("example %d: %v", examples, err)
			continue
		}
		again, err := m.Encode()
		if err != nil || string(again) != body {
			t.Errorf("example %d is not as it is encoded: %v\n%s", examples, err, again)
		}
	}
	if examples != 2 {
		t.Errorf("%d examples of a manifest", examples)
	}
	wire := reflect.TypeFor[manifestJSON]()
	for i := range wire.NumField() {
		key, _, _ := strings.Cut(wire.Field(i).Tag.Get("json"), ",")
		if !strings.Contains(spec, "| `"+key+"` |") {
			t.Errorf("key %s is not listed", key)
		}
	}
	sources, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, source := range sources {
		if strings.HasSuffix(source, "_test.go") {
			continue
		}
		code, err := os.ReadFile(source)
		if err != nil {
			t.Fatal(err)
		}
		for _, rule := range rulesIn(string(code)) {
			if !strings.Contains(spec, "`"+rule+"`") {
				t.Errorf("%s: rule %s is not in the specification", source, rule)
			}
		}
	}
	if !strings.Contains(spec, "```text\n"+ReadMe+"```") {
		t.Error("README.txt is not in the specification as it is written")
	}
}
