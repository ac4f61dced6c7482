package prompt

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// The bounds of a file. A prompt that needs more is not a prompt.
const (
	// MaxFileSize is the largest file that is read, in bytes.
	MaxFileSize = 1 << 20
	maxDepth    = 32
	maxNodes    = 100_000
)

// load reads one YAML document and reports everything in it that the format
// does not have. It returns nil when there is nothing that could be decoded.
func (r *reader) load(content []byte) *yaml.Node {
	if len(content) > MaxFileSize {
		r.report(1, 1, ruleYAML, fmt.Sprintf("the file has %d bytes, more than %d", len(content), MaxFileSize), "")
		return nil
	}
	if line, col, ok := invalidUTF8(content); ok {
		r.report(line, col, ruleYAML, "the file is not UTF-8", "save it with the encoding UTF-8")
		return nil
	}
	documents, err := decodeYAML(content)
	if err != nil {
		p := r.source.diagnose(err)
		r.report(p.Line, p.Col, p.Rule, p.Message, p.Hint)
		return nil
	}
	if len(documents) == 0 {
		r.report(1, 1, ruleYAML, "the file is empty", "")
		return nil
	}
	if len(documents) > 1 {
		second := documents[1]
		r.report(second.Line, second.Column, ruleYAML, "a second document begins here", "one file is one document: remove the line with ---")
		return nil
	}
	w := &inspection{reader: r}
	root := documents[0].Content[0]
	w.node(root, 1)
	if w.refused {
		return nil
	}
	return root
}

// decodeYAML returns the first documents of a file, at most two.
func decodeYAML(content []byte) (documents []*yaml.Node, err error) {
	// The library turns its own panics into errors; anything else that a
	// hostile file provokes must not end the process.
	defer func() {
		if v := recover(); v != nil {
			documents, err = nil, fmt.Errorf("yaml: the parser gave up: %v", v)
		}
	}()
	d := yaml.NewDecoder(bytes.NewReader(content))
	for len(documents) < 2 {
		var n yaml.Node
		if err := d.Decode(&n); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, err
		}
		if n.Kind != yaml.DocumentNode || len(n.Content) == 0 {
			break
		}
		documents = append(documents, &n)
	}
	if len(documents) == 1 && documents[0].Content[0].Tag == "!!null" && documents[0].Content[0].Value == "" {
		return nil, nil
	}
	return documents, nil
}

func invalidUTF8(content []byte) (line, col int, found bool) {
	if utf8.Valid(content) {
		return 0, 0, false
	}
	line, col = 1, 1
	for len(content) > 0 {
		c, size := utf8.DecodeRune(content)
		if c == utf8.RuneError && size == 1 {
			break
		}
		if col++; c == '\n' {
			line, col = line+1, 1
		}
		content = content[size:]
	}
	return line, col, true
}

// inspection is one walk over a document, for what YAML has and the format has
// not.
type inspection struct {
	*reader
	nodes   int
	refused bool
}

func (w *inspection) refuse(n *yaml.Node, message, hint string) {
	w.refused = true
	w.at(n, ruleYAML, message, hint)
}

func (w *inspection) node(n *yaml.Node, depth int) {
	w.nodes++
	switch {
	case w.nodes == maxNodes:
		w.refuse(n, fmt.Sprintf("the file has more than %d values", maxNodes), "")
		return
	case w.nodes > maxNodes:
		return
	case depth > maxDepth:
		w.nodes = maxNodes // and no more of it
		w.refuse(n, fmt.Sprintf("values are nested more than %d levels deep", maxDepth), "")
		return
	case n.Kind == yaml.AliasNode:
		w.refuse(n, fmt.Sprintf("*%s is an alias, which prompts do not have", n.Value), "repeat the value, or quote it when it is text")
		return
	case n.Anchor != "":
		w.refuse(n, fmt.Sprintf("&%s is an anchor, which prompts do not have", n.Anchor), "remove it, or quote the value when it is text")
	case n.Style&yaml.TaggedStyle != 0:
		w.refuse(n, fmt.Sprintf("%s is a tag, which prompts do not have", n.Tag), "remove it, or quote the value when it is text")
	}
	if n.Kind != yaml.MappingNode {
		for _, c := range n.Content {
			w.node(c, depth+1)
		}
		return
	}
	const few = 16 // keys that are compared with each other faster than looked up
	var first map[string]int
	if len(n.Content) > 2*few {
		first = make(map[string]int, len(n.Content)/2)
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		if key.Kind == yaml.ScalarNode {
			if key.Tag == "!!merge" {
				w.refuse(key, "<< is a merge key, which prompts do not have", "repeat the values")
			}
			line, twice := first[key.Value]
			if first == nil {
				line, twice = earlier(n.Content[:i], key.Value)
			}
			if twice {
				w.refuse(key, fmt.Sprintf("the key %q stands here twice", key.Value), fmt.Sprintf("it stands in line %d, too: remove one of them", line))
			} else if first != nil {
				first[key.Value] = key.Line
			}
		}
		w.node(key, depth+1)
		w.node(value, depth+1)
	}
}

// earlier returns the line of the first key of a name.
func earlier(content []*yaml.Node, name string) (line int, found bool) {
	for i := 0; i < len(content); i += 2 {
		if content[i].Kind == yaml.ScalarNode && content[i].Value == name {
			return content[i].Line, true
		}
	}
	return 0, false
}

// plainText reports whether a scalar is text. What YAML 1.1 takes for a date is
// text in YAML 1.2, and here.
func plainText(n *yaml.Node) bool {
	return n.Kind == yaml.ScalarNode && (n.Tag == "!!str" || n.Tag == "!!timestamp" || n.Tag == "!!binary")
}

// value converts a node to what JSON would hold. Maps keep their keys as they
// are written: the 1 of `logit_bias: {1: 5}` is the key "1".
func (r *reader) value(n *yaml.Node) (any, bool) {
	switch n.Kind {
	case yaml.MappingNode:
		m := make(map[string]any, len(n.Content)/2)
		for i := 0; i+1 < len(n.Content); i += 2 {
			key := n.Content[i]
			if key.Kind != yaml.ScalarNode {
				r.notText(key, "a key")
				return nil, false
			}
			v, ok := r.value(n.Content[i+1])
			if !ok {
				return nil, false
			}
			m[key.Value] = v
		}
		return m, true
	case yaml.SequenceNode:
		s := make([]any, 0, len(n.Content))
		for _, c := range n.Content {
			v, ok := r.value(c)
			if !ok {
				return nil, false
			}
			s = append(s, v)
		}
		return s, true
	}
	switch n.Tag {
	case "!!null":
		return nil, true
	case "!!bool":
		return strings.EqualFold(n.Value, "true"), true
	case "!!int":
		if i, ok := integer(n); ok {
			return i, true
		}
		r.at(n, ruleSchema, fmt.Sprintf("%s does not fit in 64 bits", n.Value), "quote it when it is text")
		return nil, false
	case "!!float":
		if whole.MatchString(n.Value) {
			r.at(n, ruleSchema, fmt.Sprintf("%s does not fit in 64 bits", n.Value), "quote it when it is text")
			return nil, false
		}
		if f, ok := float(n); ok {
			return f, true
		}
		r.at(n, ruleSchema, fmt.Sprintf("%s is not a finite number", n.Value), "quote it when it is text")
		return nil, false
	}
	return n.Value, true
}

// whole matches what the parser takes for a fraction only because it is large.
var whole = regexp.MustCompile(`^[-+]?[0-9_]+$`)

func integer(n *yaml.Node) (int, bool) {
	var i int
	if n.Kind != yaml.ScalarNode || n.Tag != "!!int" || n.Decode(&i) != nil {
		return 0, false
	}
	return i, true
}

func float(n *yaml.Node) (float64, bool) {
	var f float64
	if n.Kind != yaml.ScalarNode || n.Tag != "!!int" && n.Tag != "!!float" || n.Decode(&f) != nil {
		return 0, false
	}
	if f != f || f-f != 0 { // not a number, or infinite
		return 0, false
	}
	return f, true
}
