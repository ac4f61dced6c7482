package prompt

import "iter"

// A Change is one file of an edit.
type Change struct {
	Path    string // relative to the organisation
	Content []byte // not to be modified afterwards
	Removed bool
}

// Options say how much is checked.
type Options struct {
	// CompileOnly checks only what keeps a prompt from being rendered: no
	// lints, no version ranges and no tests. Clients use it. Compiled templates
	// are kept, so that the first rendering does not pay for compiling.
	CompileOnly bool
}

// A Tree is an organisation at one moment: its projects, sets and prompts, what
// renders what, and everything that is wrong with it. It is immutable and safe
// for concurrent use.
type Tree struct{}

// A Project is a folder that applications follow.
type Project struct {
	Name        string // the folder
	Title       string // its `name:`; may be ""
	Description string
	Sets        []*Set // sorted by name
}

// A Set is a folder of prompts.
type Set struct {
	Project      string
	Name         string
	ID           string
	Description  string
	Version      string // semantic version; "" when it has none
	Locked       bool   // changes only together with its version
	Dependencies []Range
	Prompts      []*Prompt // partials included, sorted by name
}

// A Range is what a set demands of another set's version.
type Range struct {
	Set   string // project/set
	Range string // as written, such as ^1.2
}

// An Organisation is what anvil.yaml says.
type Organisation struct {
	Name        string
	Format      int
	Description string
	Checks      map[string]string // rule → error, warning or off
	Commit      CommitSettings
	Sources     map[string]Source
}

// CommitSettings say how saves become commits.
type CommitSettings struct {
	Author  string // "Name <address>" of commits whose author git does not know
	Message string // the subject's prefix
}

// A Source is an organisation that prompts are imported from.
type Source struct {
	Organisation string
	Signers      []string          // allowed_signers lines
	Into         map[string]string // project of theirs → project of ours
}

// A Dependency is a prompt that others need, and one of those.
type Dependency struct {
	Address Address `json:"address"`
	Because Address `json:"because"` // what renders it; itself for one that was asked for
}

// Parse reads an organisation. Paths that are not the organisation's own are
// ignored, see [Owns]; misnamed YAML files inside a project are reported. It
// never fails: what is wrong is in [Tree.Problems]. The contents must not be
// modified afterwards.
func Parse(files iter.Seq2[string, []byte], o Options) *Tree { panic("not yet") }

// With returns the tree after changes. The work is in proportion to what the
// changes touch: they are parsed, and what depends on them is checked again.
func (t *Tree) With(changes ...Change) *Tree { panic("not yet") }

// Problems returns everything that is wrong, sorted by path, line and column.
func (t *Tree) Problems() []Problem { panic("not yet") }

// ProblemsIn returns why a project cannot be released: the problems of level
// [Error] in its files and in those of its dependency closure.
func (t *Tree) ProblemsIn(project string) []Problem { panic("not yet") }

// Organisation returns what anvil.yaml says; zero when there is no valid one.
func (t *Tree) Organisation() Organisation { panic("not yet") }

// Projects returns the projects, sorted by name.
func (t *Tree) Projects() []*Project { panic("not yet") }

// Project returns a project by its folder's name.
func (t *Tree) Project(name string) (*Project, bool) { panic("not yet") }

// Lookup returns the prompt or partial at an address. Its error is
// [ErrNotFound], and its hint names the nearest.
func (t *Tree) Lookup(a Address) (*Prompt, error) { panic("not yet") }

// Prompts returns all prompts and partials, sorted by address.
func (t *Tree) Prompts() iter.Seq[*Prompt] { panic("not yet") }

// Closure returns the prompts and partials reached from some, themselves
// included, sorted by address.
func (t *Tree) Closure(of ...Address) []Dependency { panic("not yet") }

// Released returns the sorted paths that a release of a project contains: its
// prompts and partials and those of its closure, with the set.yaml and
// project.yaml of each.
func (t *Tree) Released(project string) []string { panic("not yet") }

// Introduced returns the problems of level [Error] that candidate has and base
// does not, wherever they stand in their file: what a save is held for.
func Introduced(base, candidate *Tree) []Problem { panic("not yet") }

type (
	body    struct{ chat bool }
	linkage struct{}
	matcher struct{}
)
