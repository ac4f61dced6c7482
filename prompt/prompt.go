package prompt

import "regexp"

// A Prompt is one prompt or partial. It is immutable: its maps and slices are
// shared and must not be modified.
type Prompt struct {
	Address         Address
	Path            string // of its file, relative to the organisation
	ID              string // survives renames; "" when the author gave none
	Name            string // the title; may be ""
	Description     string
	Tags            []string
	Model           string         // opaque to Anvil
	ModelParameters map[string]any // as in JSON: string, bool, int, float64, nil, []any, map[string]any
	Parameters      []Parameter    // in the order of the file
	Metadata        map[string]any
	Extra           map[string]any // the x-* keys
	Tests           int            // how many it declares

	body    *body     // what the file said; shared between trees
	targets []*Prompt // what each of the body's render tags prints, nil where it cannot
	scopes  []scope   // of the body's parts
	links   linkage
}

// Chat reports whether the prompt is a list of messages; else it is one
// template.
func (p *Prompt) Chat() bool { return p.body.chat }

// Parameter returns the parameter of a name.
func (p *Prompt) Parameter(name string) (Parameter, bool) {
	for _, q := range p.Parameters {
		if q.Name == name {
			return q, true
		}
	}
	return Parameter{}, false
}

// The types of parameters.
const (
	TypeString   = "string"
	TypeInteger  = "integer"
	TypeNumber   = "number"
	TypeBoolean  = "boolean"
	TypeArray    = "array"
	TypeObject   = "object"
	TypeMessages = "messages" // a list of [Message], to be inserted
)

// A Parameter is a value that a prompt takes. The constraints are JSON
// Schema's; nil and empty ones do not constrain.
type Parameter struct {
	Name        string
	Type        string
	Description string
	Required    bool // it has no default and does not say `required: false`
	Default     any  // nil when there is none
	Enum        []any
	MinLength   *int // in characters
	MaxLength   *int
	Pattern     string // an RE2 expression that must match somewhere
	Minimum     *float64
	Maximum     *float64
	Items       *Parameter  // what each item of an array must be
	Properties  []Parameter // what an object may hold; nil: anything
	MinItems    *int
	MaxItems    *int

	pattern *regexp.Regexp
}

// A Message is one turn of a conversation.
type Message struct {
	Role    string `json:"role"`
	Content string `json:"content"`
}
