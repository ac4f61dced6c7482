package bundle

import (
	"encoding/json"
	"time"
)

// Format is the format version written. A reader takes every minor version of
// its major.
const Format = "1.0"

// The types of a manifest.
const (
	TypeRelease   = "anvil.release"
	TypeSelection = "anvil.selection"
)

// Manifest is what is signed: what the content is and what it is for. Its keys
// are listed in docs/bundle-format.md.
type Manifest struct {
	Format   string    // "" is encoded as Format
	Type     string    // TypeRelease or TypeSelection
	Stream   string    // releases: organisation/project/channel
	Sequence int64     // releases: rises within the stream, about Unix seconds
	Revision string    // the commit, for information
	Created  time.Time // whole seconds, UTC
	Expires  time.Time // releases
	Content  ContentSummary

	Organisation string   // selections
	Scope        []string // selections: addresses and folders (ending in "/") that it speaks for

	Recipients []string // ids of the keys it is encrypted for; none in a release
	Generator  Generator
	Ext        map[string]json.RawMessage // additions of minor versions
}

// ContentSummary commits to the content.
type ContentSummary struct {
	Algorithm  string `json:"algorithm"` // "sha256"
	SumsSHA256 string `json:"sums_sha256"`
	Files      int    `json:"files"` // that SHA256SUMS lists
	Bytes      int64  `json:"bytes"` // of those files together
}

// Generator is what wrote the bundle.
type Generator struct {
	Name    string `json:"name"`
	Version string `json:"version"`
}

// Identity is what the signer's principals are matched with: a release's
// stream, a selection's "organisation/selection".
func (m *Manifest) Identity() string {
	if m.Type == TypeSelection {
		return m.Organisation + "/selection"
	}
	return m.Stream
}
