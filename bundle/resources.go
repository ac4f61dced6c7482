package bundle

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// Resources is resources.json: what the files of a selection are and how they hang
// together, so that a reader can show it without understanding prompts.
type Resources struct {
	Format    string     `json:"format"` // "" is encoded as Format
	Resources []Resource `json:"resources"`
	External  []string   `json:"external"` // addresses that are required and not in the archive, sorted
	Cycles    [][]string `json:"cycles"`   // groups of sets that require one another
}

// The kinds of a [Resource].
const (
	KindProject = "project" // project.yaml
	KindSet     = "set"     // set.yaml
	KindPrompt  = "prompt"
	KindPartial = "partial"
)

// Resource is one file of the content.
type Resource struct {
	Path     string        `json:"path"` // in the archive
	Kind     string        `json:"kind"`
	Address  string        `json:"address"` // project, project/set or project/set/name
	ID       string        `json:"id,omitempty"`
	Version  string        `json:"version,omitempty"` // of a set
	Carried  bool          `json:"carried"`           // brought along: not in the manifest's scope
	Requires []Requirement `json:"requires,omitempty"`
}

// Requirement is a prompt that another renders, or a set whose version another set
// bounds, and the version that met it.
type Requirement struct {
	Address string `json:"address"`
	Range   string `json:"range,omitempty"`
	Version string `json:"version,omitempty"`
}

// Encode returns resources.json: the same bytes for the same resources. It fails on
// what [ParseResources] would not take back.
func (r *Resources) Encode() ([]byte, error) {
	wire := *r
	if wire.Format == "" {
		wire.Format = Format
	}
	if wire.External == nil {
		wire.External = []string{}
	}
	if wire.Cycles == nil {
		wire.Cycles = [][]string{}
	}
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(wire); err != nil {
		return nil, fmt.Errorf("encode resources: %w", err)
	}
	if _, err := ParseResources(b.Bytes()); err != nil {
		return nil, fmt.Errorf("encode resources: %w", err)
	}
	return b.Bytes(), nil
}

// ParseResources parses resources.json: strict JSON that its schema accepts, sorted,
// with nothing twice.
func ParseResources(raw []byte) (*Resources, error) {
	bad := func(format string, args ...any) error {
		return refuse(ErrFormat, "resources", resourcesFile, format, args...)
	}
	value, err := parseJSON(raw)
	if err != nil {
		return nil, bad("%v", err)
	}
	if err := checkVersion(resourcesFile, value); err != nil {
		return nil, err
	}
	problem, err := resourcesSchema.check(value)
	if err != nil {
		return nil, err
	}
	if problem != "" {
		return nil, bad("%s", problem)
	}
	r := new(Resources)
	if err := json.Unmarshal(raw, r); err != nil {
		return nil, bad("%v", err)
	}
	for i := range r.Resources {
		item := &r.Resources[i]
		if i > 0 && r.Resources[i-1].Path >= item.Path {
			return nil, bad("resources are sorted bytewise by path and each stands there once: %q", item.Path)
		}
		if want := item.place(); item.Path != want {
			return nil, bad("the %s %s is at %q, not at %q", item.Kind, item.Address, want, item.Path)
		}
		if item.Version != "" && item.Kind != KindSet {
			return nil, bad("%s has a version and is no set", item.Address)
		}
	}
	if !slices.IsSorted(r.External) {
		return nil, bad("external addresses are sorted")
	}
	for _, cycle := range r.Cycles {
		if !slices.IsSorted(cycle) {
			return nil, bad("the sets of a cycle are sorted")
		}
	}
	return r, nil
}

// place returns where in an archive a resource of this kind and address lies, ""
// where no such one does.
func (r *Resource) place() string {
	names := strings.Split(r.Address, "/")
	partial := strings.HasPrefix(names[len(names)-1], "_")
	at := contentFolder + r.Address
	switch {
	case r.Kind == KindProject && len(names) == 1:
		return at + "/project.yaml"
	case r.Kind == KindSet && len(names) == 2:
		return at + "/set.yaml"
	case len(names) == 3 && (r.Kind == KindPartial && partial || r.Kind == KindPrompt && !partial):
		return at + ".yaml"
	}
	return ""
}

// describes checks that the resources are those of a selection: every file of the
// content and no other, and carried exactly what the manifest does not speak for.
func (r *Resources) describes(m *Manifest, sums Sums) error {
	bad := func(path, format string, args ...any) error {
		return refuse(ErrFormat, "resources", path, format, args...)
	}
	if len(r.Resources) != sums.Len()-1 { // itself
		return bad(resourcesFile, "it describes %d files, and there are %d", len(r.Resources), sums.Len()-1)
	}
	for i := range r.Resources {
		item := &r.Resources[i]
		if _, ok := sums.Lookup(item.Path); !ok {
			return bad(item.Path, "it is described and not there")
		}
		if item.Carried == m.Speaks(item.Path) {
			return bad(item.Path, "it is carried and in scope, or neither")
		}
	}
	return nil
}

// Speaks reports whether the file at path, in the archive, is in a selection's
// scope: in one of its folders, or at one of its addresses.
func (m *Manifest) Speaks(path string) bool {
	rest, ok := strings.CutPrefix(path, contentFolder)
	return ok && slices.ContainsFunc(m.Scope, func(s string) bool {
		if strings.HasSuffix(s, "/") {
			return strings.HasPrefix(rest, s)
		}
		return rest == s+".yaml"
	})
}
