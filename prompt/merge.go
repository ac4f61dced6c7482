package prompt

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"go.yaml.in/yaml/v3"

	"github.com/anvilpeering/anvil/diff3"
)

// Merged is the outcome of [Merge].
type Merged struct {
	// Content is the merged file; nil when there are conflicts.
	Content []byte
	// Conflicts are what a person has to decide, in the order of our file.
	Conflicts []Conflict

	base, ours, theirs []byte
}

// A Conflict is a field that both sides changed, and not alike.
type Conflict struct {
	// Field is the path of the field: parameters.message.maxLength,
	// messages[2].content, metadata["a.b"]. Items are counted from 0 as base has
	// them; messages[1:3] are several that follow each other, and messages[2:2] is
	// the place in front of one. It is "" for the file as a whole.
	Field string
	Kind  ConflictKind
	// Reason says in a few words what happened.
	Reason string
	// Base, Ours and Theirs are what the field was and what it became.
	Base, Ours, Theirs Side
	// Joinable says that [TakeBoth] is possible.
	Joinable bool

	lines bool // some lines of a text are in conflict
}

// A ConflictKind says what about a field is in conflict.
type ConflictKind string

// The kinds of conflicts within a file.
const (
	ConflictValue   ConflictKind = "value"   // the value, or that it is there
	ConflictOrder   ConflictKind = "order"   // the order of its keys, one a line
	ConflictComment ConflictKind = "comment" // the comment above or beside it
	ConflictFile    ConflictKind = "file"    // the file, which can only be merged by line
)

// Side is what one of the three files has.
type Side struct {
	// Text is the value: of a block scalar its text, else as it is written, without
	// the indentation of its place.
	Text string
	// Line is where it stands, from 1; 0 when it is absent.
	Line   int
	Absent bool
}

// String names the field and what happened.
func (c Conflict) String() string {
	if c.Field == "" {
		return c.Reason
	}
	return c.Field + ": " + c.Reason
}

// A Take says how a conflict is resolved.
type Take int

// The ways to resolve a conflict. What has not been decided stays a conflict.
const (
	TakeNeither Take = iota
	TakeOurs         // the field as our file has it
	TakeTheirs       // the field as their file has it
	TakeBoth         // the lines or items of ours, then of theirs

	takeOurLines   // the field as ours, but of a text only the lines in conflict
	takeTheirLines // and as theirs
)

// Merge merges two files that were edited from base, of any kind that Anvil has;
// base is nil when both were added. It is a function of the three alone, and what
// the sides' places are matters only for bytes that mean the same.
//
// A line merge is taken when it is clean and means what the merge by field means.
// The merge by field goes by keys, never by their places, and by a three-way diff of
// whole items in lists; an item that both sides changed is merged in turn, and a
// block scalar is merged by line. The winners' bytes are spliced: comments, order,
// quotes and line ends stay as they were written. The result is read again, and is
// a conflict of the whole file unless it says what was computed. Files with
// anchors, tags, several documents or a flow at their root are only merged by line.
//
// The bytes of Content may be those of a side; they must not be modified.
func Merge(base, ours, theirs []byte) *Merged { return mergeFiles(base, ours, theirs, nil) }

// Resolve merges again with what was decided. It may be asked for every conflict
// there is; those for which take returns [TakeNeither], or [TakeBoth] though they
// are not joinable, are conflicts of the result.
func (m *Merged) Resolve(take func(Conflict) Take) *Merged {
	return mergeFiles(m.base, m.ours, m.theirs, take)
}

func mergeFiles(base, ours, theirs []byte, take func(Conflict) Take) *Merged {
	m := &Merged{base: base, ours: ours, theirs: theirs}
	switch {
	case bytes.Equal(ours, theirs), base != nil && bytes.Equal(base, theirs):
		m.Content = ours
		return m
	case base != nil && bytes.Equal(base, ours):
		m.Content = theirs
		return m
	}
	lines, hunks := diff3.Merge(base, ours, theirs)
	clean := len(hunks) == 0
	f, err := newFieldMerge(base, ours, theirs, take)
	if err != nil {
		if clean && wellFormed(lines) {
			m.Content = lines
			return m
		}
		return m.whole(fmt.Sprintf("both sides changed the file, which is only merged by line: %v", err), take)
	}
	content, meaning := f.file()
	if clean && !f.differ {
		if n, err := meaningOf(lines, f.meanings); err == nil && n == meaning {
			m.Content = lines
			return m
		}
	}
	if len(f.conflicts) > 0 {
		m.Conflicts = f.conflicts
		return m
	}
	n, err := meaningOf(content, f.meanings)
	switch {
	case f.broken != "":
		return m.whole("both sides changed the file, and "+f.broken, take)
	case err != nil || n != meaning:
		return m.whole("both sides changed the file, and their changes do not go together", take)
	}
	m.Content = content
	return m
}

// whole makes the file one conflict.
func (m *Merged) whole(reason string, take func(Conflict) Take) *Merged {
	side := func(text []byte) Side {
		if text == nil {
			return Side{Absent: true}
		}
		return Side{Text: string(text), Line: 1}
	}
	c := Conflict{Kind: ConflictFile, Reason: reason, Base: side(m.base), Ours: side(m.ours), Theirs: side(m.theirs)}
	if take != nil {
		switch take(c) {
		case TakeOurs, takeOurLines:
			m.Content = m.ours
			return m
		case TakeTheirs, takeTheirLines:
			m.Content = m.theirs
			return m
		}
	}
	m.Conflicts = []Conflict{c}
	return m
}

// meaningOf reads a file as the merge by field does: that the last line has no end
// is kept, and means nothing.
func meaningOf(content []byte, m *meanings) (int, error) {
	if n := len(content); n > 0 && content[n-1] != '\n' {
		content = append(content[:n:n], '\n')
	}
	r := &reader{source: source{content: content}}
	if root := r.load(content); root != nil {
		return m.of(root), nil
	}
	l, err := newLayout(content, m) // or it is empty
	if err != nil {
		return 0, err
	}
	return l.root.meaning, nil
}

// wellFormed reports whether YAML can be read, and has no key twice.
func wellFormed(content []byte) (well bool) {
	if len(content) > MaxFileSize {
		return false
	}
	defer func() { // see decodeYAML
		if recover() != nil {
			well = false
		}
	}()
	for d := yaml.NewDecoder(bytes.NewReader(content)); ; {
		var n yaml.Node
		if err := d.Decode(&n); errors.Is(err, io.EOF) {
			return true
		} else if err != nil || !keysOnce(&n, 0) {
			return false
		}
	}
}

func keysOnce(n *yaml.Node, depth int) bool {
	if depth > maxDepth {
		return false
	}
	seen := make(map[string]bool)
	for i, c := range n.Content {
		if n.Kind == yaml.MappingNode && i%2 == 0 && c.Kind == yaml.ScalarNode {
			if seen[c.Value] {
				return false
			}
			seen[c.Value] = true
		}
		if !keysOnce(c, depth+1) {
			return false
		}
	}
	return true
}
