package bundle

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

const manifestFile = "manifest.json"

// manifestJSON is a manifest's form on the wire, its keys in the order in which
// they are written.
type manifestJSON struct {
	Format       string                     `json:"format"`
	Type         string                     `json:"type"`
	Stream       string                     `json:"stream,omitempty"`
	Sequence     int64                      `json:"sequence,omitempty"`
	Organisation string                     `json:"organisation,omitempty"`
	Scope        []string                   `json:"scope,omitempty"`
	Revision     string                     `json:"revision"`
	Created      string                     `json:"created"`
	Expires      string                     `json:"expires,omitempty"`
	Content      ContentSummary             `json:"content"`
	Recipients   []string                   `json:"recipients"`
	Generator    Generator                  `json:"generator"`
	Ext          map[string]json.RawMessage `json:"ext,omitempty"`
}

// ManifestID returns a bundle's id: the SHA-256 of its manifest.json, in hex.
func ManifestID(raw []byte) string {
	hash := sha256.Sum256(raw)
	return hex.EncodeToString(hash[:])
}

// Encode returns manifest.json: the same bytes for the same manifest. It fails
// on what [ParseManifest] would not take back.
func (m *Manifest) Encode() ([]byte, error) {
	wire := manifestJSON{
		Format: m.Format, Type: m.Type, Stream: m.Stream, Sequence: m.Sequence,
		Organisation: m.Organisation, Scope: m.Scope, Revision: m.Revision,
		Created: encodeTime(m.Created), Expires: encodeTime(m.Expires),
		Content: m.Content, Recipients: m.Recipients, Generator: m.Generator, Ext: m.Ext,
	}
	if wire.Format == "" {
		wire.Format = Format
	}
	if wire.Recipients == nil {
		wire.Recipients = []string{}
	}
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(wire); err != nil {
		return nil, fmt.Errorf("encode manifest: %w", err)
	}
	if _, err := ParseManifest(b.Bytes()); err != nil {
		return nil, fmt.Errorf("encode manifest: %w", err)
	}
	return b.Bytes(), nil
}

func encodeTime(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

// checkVersion refuses a major version that is not known here, before a schema says
// that everything about it is wrong.
func checkVersion(file string, value any) error {
	object, _ := value.(map[string]any)
	format, ok := object["format"].(string)
	if major, _, _ := strings.Cut(format, "."); !ok || major == "1" {
		return nil
	}
	return refuse(ErrFormat, "manifest-version", file, "format version %q is not known here, only 1.x", format).
		advise("a newer Anvil may read it: see `anvil version` and upgrade")
}

// ParseManifest parses manifest.json: at most 64 KiB of strict JSON (no key
// twice, none unknown) that its schema accepts.
func ParseManifest(raw []byte) (*Manifest, error) {
	bad := func(rule, format string, args ...any) error {
		return refuse(ErrFormat, rule, manifestFile, format, args...)
	}
	if len(raw) > MaxManifest {
		return nil, refuse(ErrTooLarge, "manifest-size", manifestFile, "%d bytes, at most %d are read", len(raw), MaxManifest)
	}
	value, err := parseJSON(raw)
	if err != nil {
		return nil, bad("manifest-json", "%v", err)
	}
	if err := checkVersion(manifestFile, value); err != nil {
		return nil, err
	}
	problem, err := manifestSchema.check(value)
	if err != nil {
		return nil, err
	}
	if problem != "" {
		return nil, bad("manifest-schema", "%s", problem)
	}
	// The schema has compared every key exactly, so that this cannot take one
	// for another.
	var wire manifestJSON
	if err := json.Unmarshal(raw, &wire); err != nil {
		return nil, bad("manifest-json", "%v", err)
	}
	m := &Manifest{
		Format: wire.Format, Type: wire.Type, Stream: wire.Stream, Sequence: wire.Sequence,
		Organisation: wire.Organisation, Scope: wire.Scope, Revision: wire.Revision,
		Content: wire.Content, Recipients: wire.Recipients, Generator: wire.Generator, Ext: wire.Ext,
	}
	if m.Created, err = time.Parse(time.RFC3339, wire.Created); err != nil {
		return nil, bad("manifest-time", "created: %v", err)
	}
	if wire.Expires != "" {
		if m.Expires, err = time.Parse(time.RFC3339, wire.Expires); err != nil {
			return nil, bad("manifest-time", "expires: %v", err)
		}
		if !m.Expires.After(m.Created) {
			return nil, bad("manifest-time", "expires is not after created")
		}
	}
	return m, nil
}
