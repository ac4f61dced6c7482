package prompt

import (
	"bytes"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// ErrTaken is what [Rename] fails with when something has the new name, or one
// that differs from it only by case.
var ErrTaken = errors.New("is there already")

// A Renaming is what has to change for something to be called otherwise. Files
// that stay as and where they are do not occur in it.
type Renaming struct {
	Files []RenamedFile // sorted by From
	// Problems are those that the organisation would have and has not: reasons
	// not to do it.
	Problems []Problem
}

// A RenamedFile is a file that moves, or refers to what moves, or both.
type RenamedFile struct {
	From, To   string // the same when it only refers
	Before     []byte // not to be modified
	After      []byte // Before itself when it only moves
	References []Reference
}

// A Reference is a name in a file that becomes another.
type Reference struct {
	Line int    `json:"line"` // from 1, in the file as it was
	Col  int    `json:"col"`  // from 1, in characters
	Old  string `json:"old"`
	New  string `json:"new"`
}

// Rename works out how a prompt or partial (project/set/name), a set
// (project/set) or a project gets another name: which files move, and each
// reference that follows: in {% render %} tags, in the dependencies of sets, and
// in the exceptions and sources of anvil.yaml. References are spliced into the
// bytes of their files; nothing else of them changes.
//
// It changes nothing itself. The error says what is wrong with the names, or
// which file has to be mended before.
func Rename(files iter.Seq2[string, []byte], from, to string) (*Renaming, error) {
	contents := maps.Collect(files)
	r := &renaming{contents: contents, from: from, to: to, before: Parse(maps.All(contents), Options{})}
	if err := r.names(); err != nil {
		return nil, err
	}
	out := &Renaming{}
	after := map[string][]byte{}
	for _, path := range slices.Sorted(maps.Keys(contents)) {
		f, err := r.file(path)
		if err != nil {
			return nil, err
		}
		if after[f.To] = f.After; f.To != f.From || len(f.References) > 0 {
			out.Files = append(out.Files, f)
		}
	}
	result := Parse(maps.All(after), Options{})
	if err := r.verify(result); err != nil {
		return nil, err
	}
	out.Problems = r.introduced(result)
	return out, nil
}

// renaming is a rename that is being worked out.
type renaming struct {
	contents map[string][]byte
	from, to string
	before   *Tree
}

// renamingError is why something cannot be renamed.
type renamingError struct {
	text, hint string
	cause      error
}

func (e *renamingError) Error() string { return e.text }
func (e *renamingError) Hint() string  { return e.hint }
func (e *renamingError) Unwrap() error { return e.cause }

// names checks that both names are of one kind, the old one is there and the new
// one is free.
func (r *renaming) names() error {
	const shape = "name two prompts (project/set/name), two sets (project/set) or two projects"
	segments := strings.Count(r.from, "/") + 1
	if segments > 3 || segments != strings.Count(r.to, "/")+1 {
		return &renamingError{text: fmt.Sprintf("%s and %s are not of one kind", r.from, r.to), hint: shape}
	}
	for _, name := range []string{r.from, r.to} {
		reason := ""
		switch segments {
		case 1:
			reason = nameProblem(name, false)
		case 2:
			reason = setProblem(name)
		default:
			if _, err := ParseAddress(name); err != nil {
				return err
			}
		}
		if reason != "" {
			return &renamingError{text: fmt.Sprintf("%q cannot be a name: %s", name, reason), hint: shape, cause: ErrAddress}
		}
	}
	old, new := r.from+"/", r.to+"/"
	if segments == 3 {
		old, new = r.from+Suffix, r.to+Suffix
		a, _ := ParseAddress(r.from)
		b, _ := ParseAddress(r.to)
		if _, err := r.before.Lookup(a); err != nil {
			return err
		}
		if a.IsPartial() != b.IsPartial() {
			return &renamingError{text: fmt.Sprintf("%s and %s are not of one kind", r.from, r.to), hint: "only a partial's name begins with _, and only partials are rendered by others"}
		}
	}
	if r.from == r.to {
		return &renamingError{text: r.from + " is called so already"}
	}
	found := segments == 3
	for path := range r.contents {
		found = found || strings.HasPrefix(path, old)
		if lower := strings.ToLower(path); lower == new || segments < 3 && strings.HasPrefix(lower, new) {
			return &renamingError{text: fmt.Sprintf("%s %v", path, ErrTaken), hint: "nothing was changed", cause: ErrTaken}
		}
	}
	if !found {
		return &renamingError{text: "there is no " + r.from, hint: "anvil graph lists what there is", cause: ErrNotFound}
	}
	return nil
}

// path is where a file goes.
func (r *renaming) path(path string) string {
	if path == r.from+Suffix && strings.Count(r.from, "/") == 2 {
		return r.to + Suffix
	}
	if rest, inside := strings.CutPrefix(path, r.from+"/"); inside {
		return r.to + "/" + rest
	}
	return path
}

// name is what an address, of a prompt, a set or a project, becomes.
func (r *renaming) name(name string) string {
	if name == r.from {
		return r.to
	}
	return r.path(name)
}

// splice is a piece of a file that becomes another.
type splice struct {
	at       int
	old, new string
}

// file works out what becomes of a file.
func (r *renaming) file(path string) (RenamedFile, error) {
	content := r.contents[path]
	out := RenamedFile{From: path, To: r.path(path), Before: content, After: content}
	f, ok := r.before.files.get(path)
	if !ok {
		return out, nil
	}
	var splices []splice
	var err error
	add := func(at mark, old, new string) {
		if old == new || err != nil {
			return
		}
		s := splice{offsetOf(content, at, old), old, new}
		if s.at < 0 {
			err = &renamingError{text: fmt.Sprintf("%s:%d:%d: the name %s cannot be replaced here", path, at.line, at.col, old), hint: "write it without escapes, and try again"}
			return
		}
		splices = append(splices, s)
	}
	switch {
	case f.kind == kindPrompt:
		if err := r.readable(f, content); err != nil {
			return out, err
		}
		if f.prompt == nil {
			break
		}
		here := addressOf(path)
		there := addressOf(out.To)
		for _, q := range f.prompt.renders {
			add(q.mark, q.name, r.reference(here, there, q.name))
		}
	case f.kind == kindSet && f.set != nil:
		for _, d := range f.set.ranges {
			add(d.key, d.Set, r.name(d.Set))
		}
	case f.kind == kindOrganisation:
		for _, n := range organisationNames(content) {
			add(mark{n.Line, n.Column}, n.Value, r.name(n.Value))
		}
	}
	if err != nil || len(splices) == 0 {
		return out, err
	}
	slices.SortFunc(splices, func(a, b splice) int { return a.at - b.at })
	var after []byte
	at := 0
	for _, s := range splices {
		after = append(append(after, content[at:s.at]...), s.new...)
		at = s.at + len(s.old)
		line, col := positionOf(content, s.at)
		out.References = append(out.References, Reference{line, col, s.old, s.new})
	}
	out.After = append(after, content[at:]...)
	return out, nil
}

// reference is what a render tag says afterwards. A name alone stays one where
// both are in the same set.
func (r *renaming) reference(here, there Address, name string) string {
	target, err := resolve(here, name)
	if err != nil {
		return name
	}
	after, err := ParseAddress(r.name(target.String()))
	switch {
	case err != nil:
		return name
	case strings.Contains(name, "/"):
		return after.String()
	case after.folder() == there.folder():
		return after.Name
	}
	return after.String()
}

// readable refuses a prompt that may refer to what is renamed and cannot be read
// well enough to tell.
func (r *renaming) readable(f *file, content []byte) error {
	told := f.prompt != nil && !slices.ContainsFunc(f.problems, func(p Problem) bool {
		return strings.HasPrefix(p.Rule, "liquid") || strings.HasPrefix(p.Rule, "unknown-") || p.Rule == ruleSchema || p.Rule == ruleYAML
	})
	word := r.from
	if i := strings.LastIndexByte(word, '/'); strings.Count(word, "/") == 2 {
		word = word[i+1:]
	}
	if told || !bytes.Contains(content, []byte(word)) || len(f.problems) == 0 {
		return nil
	}
	p := f.problems[0]
	return &renamingError{
		text: fmt.Sprintf("%s:%d:%d: the file may refer to %s, and has a problem: %s", p.Path, p.Line, p.Col, r.from, p.Message),
		hint: "mend it first: anvil check " + p.Path,
	}
}

// verify makes sure that afterwards everything renders what it rendered before.
func (r *renaming) verify(after *Tree) error {
	for folder, names := range r.before.files {
		for name, f := range names {
			path := folder + "/" + name
			if f.kind != kindPrompt {
				continue
			}
			want := make([]string, 0, len(f.targets()))
			for _, target := range f.targets() {
				want = append(want, r.path(target))
			}
			slices.Sort(want)
			if g, _ := after.files.get(r.path(path)); !slices.Equal(g.targets(), slices.Compact(want)) {
				return &renamingError{text: fmt.Sprintf("%s would not render what it renders now", path), hint: "nothing was changed"}
			}
		}
	}
	return nil
}

// introduced are the problems that were not there before, by file and rule: what
// they say may name what was renamed.
func (r *renaming) introduced(after *Tree) []Problem {
	had := map[string]int{}
	for _, p := range r.before.Problems() {
		had[r.path(p.Path)+" "+p.Rule]++
	}
	var out []Problem
	for _, p := range after.Problems() {
		if key := p.Path + " " + p.Rule; had[key] > 0 {
			had[key]--
		} else {
			out = append(out, p)
		}
	}
	checks := after.Organisation().Checks
	for _, p := range unlocked(r.before, after) {
		if p.apply(checks) {
			folder, _ := split(p.Path)
			p.Hint = fmt.Sprintf("say locked: false in %s/%s first, and raise version when you lock it again", folder, setFile)
			out = append(out, p)
		}
	}
	sortProblems(out)
	return out
}

// organisationNames are the values of anvil.yaml that name parts of the
// organisation: exceptions of checks, and the projects that imports go into.
func organisationNames(content []byte) []*yaml.Node {
	documents, err := decodeYAML(content)
	if err != nil || len(documents) != 1 {
		return nil
	}
	var out []*yaml.Node
	each := func(n *yaml.Node, key string, f func(value *yaml.Node)) {
		if n.Kind != yaml.MappingNode {
			return
		}
		for i := 0; i+1 < len(n.Content); i += 2 {
			if key == "" || n.Content[i].Value == key {
				f(n.Content[i+1])
			}
		}
	}
	root := documents[0].Content[0]
	each(root, "checks", func(checks *yaml.Node) {
		each(checks, "", func(check *yaml.Node) {
			each(check, "except", func(list *yaml.Node) { out = append(out, list.Content...) })
		})
	})
	each(root, "sources", func(sources *yaml.Node) {
		each(sources, "", func(source *yaml.Node) {
			each(source, "into", func(into *yaml.Node) {
				each(into, "", func(project *yaml.Node) { out = append(out, project) })
			})
		})
	})
	return slices.DeleteFunc(out, func(n *yaml.Node) bool { return n.Kind != yaml.ScalarNode })
}

// offsetOf returns where a name stands in a file, at a place or behind the quotes
// that are there, -1 when it does not.
func offsetOf(content []byte, at mark, name string) int {
	s := source{content: content}
	if !s.seek(at.line) {
		return -1
	}
	offset := s.offset
	for range at.col - 1 {
		_, size := utf8.DecodeRune(content[offset:])
		offset += size
	}
	for range 3 { // a quote may be escaped
		rest, found := bytes.CutPrefix(content[offset:], []byte(name))
		if found && !(len(rest) > 0 && nameByte(rest[0])) {
			return offset
		}
		if offset >= len(content) || !bytes.ContainsRune([]byte(`\"'`), rune(content[offset])) {
			return -1
		}
		offset++
	}
	return -1
}

// nameByte reports whether a name could go on with a byte.
func nameByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '_' || c == '-' || c == '.' || c == '/'
}
