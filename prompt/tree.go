package prompt

import (
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
)

// A Change is one file of an edit.
type Change struct {
	Path    string // relative to the organisation
	Content []byte // not to be modified afterwards
	Removed bool
}

// Options say how much is checked.
type Options struct {
	// CompileOnly checks only what keeps a prompt from being rendered: no
	// lints, no version ranges and no tests. Clients use it. With it or without
	// it, compiled templates are dropped after the check and compiled again by
	// the first rendering, for they are several times as large as their sources.
	CompileOnly bool
}

// A Tree is an organisation at one moment: its projects, sets and prompts, what
// renders what, and everything that is wrong with it. It is immutable and safe
// for concurrent use.
type Tree struct {
	options Options
	files   shelf[*file]     // all that was given, by path
	prompts shelf[*Prompt]   // linked with what they render, by path
	found   shelf[[]Problem] // what is wrong, by path; only where something is
	uses    shelf[users]     // who renders a path, there or not
	ids     map[string][]string
	// Prompts that render something that is not there, and sets that depend on
	// such: the hint that names the nearest changes with what is there.
	unresolved map[string]bool
	strays     map[string]bool // misnamed and misplaced YAML files

	problems func() []Problem // sorted, with their levels; computed once
	projects func() []*Project

	// What the last change cost, for tests.
	parsed, linked int
}

// users are the sorted paths of those that render something.
type users []string

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
	Name         string // the folder
	Title        string // its `name:`; may be ""
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
	Checks      map[string]Check // by the id of the rule
	Commit      CommitSettings
	Sources     map[string]Source
}

// CommitSettings say how saves become commits.
type CommitSettings struct {
	Author string // "Name <address>" of commits whose author git does not know
	Prefix string // put before the subject of each commit
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
// modified until it returns.
func Parse(files iter.Seq2[string, []byte], o Options) *Tree {
	var changes []Change
	for path, content := range files {
		changes = append(changes, Change{Path: path, Content: content})
	}
	return (&Tree{options: o}).With(changes...)
}

// With returns the tree after changes, of which later ones win. The work is in
// proportion to what the changes touch: they are parsed, and what depends on
// them is checked again.
func (t *Tree) With(changes ...Change) *Tree {
	e := newEdit(t)
	e.read(changes)
	e.link()
	e.test()
	return e.tree()
}

// Problems returns everything that is wrong, sorted by path, line and column.
func (t *Tree) Problems() []Problem { return slices.Clone(t.problems()) }

// collect applies the organisation's levels to what was found.
func (t *Tree) collect() []Problem {
	checks := t.Organisation().Checks
	var all []Problem
	for _, names := range t.found {
		for _, problems := range names {
			for _, p := range problems {
				if p.apply(checks) {
					all = append(all, p)
				}
			}
		}
	}
	sortProblems(all)
	return all
}

// Organisation returns what anvil.yaml says; zero when there is no valid one.
func (t *Tree) Organisation() Organisation {
	if f, ok := t.files.get(organisationFile); ok && f.organisation != nil {
		return *f.organisation
	}
	return Organisation{}
}

// Projects returns the projects, sorted by name.
func (t *Tree) Projects() []*Project { return slices.Clone(t.projects()) }

// Project returns a project by its folder's name.
func (t *Tree) Project(name string) (*Project, bool) {
	all := t.projects()
	i, ok := slices.BinarySearchFunc(all, name, func(p *Project, name string) int { return strings.Compare(p.Name, name) })
	if !ok {
		return nil, false
	}
	return all[i], true
}

// list builds the projects and their sets.
func (t *Tree) list() []*Project {
	projects := map[string]*Project{}
	project := func(name string) *Project {
		if projects[name] == nil {
			projects[name] = &Project{Name: name}
		}
		return projects[name]
	}
	for folder, names := range t.files {
		if f := names[projectFile]; f != nil && f.kind == kindProject {
			p := project(folder)
			p.Title, p.Description = f.project.title, f.project.description
		}
		if s := t.setOf(folder, names); s != nil {
			p := project(s.Project)
			p.Sets = append(p.Sets, s)
		}
	}
	for _, p := range projects {
		slices.SortFunc(p.Sets, func(a, b *Set) int { return strings.Compare(a.Name, b.Name) })
	}
	return slices.SortedFunc(maps.Values(projects), func(a, b *Project) int { return strings.Compare(a.Name, b.Name) })
}

// setOf builds the set in a folder, nil when it holds none.
func (t *Tree) setOf(folder string, names map[string]*file) *Set {
	project, name, ok := strings.Cut(folder, "/")
	if !ok {
		return nil
	}
	s := &Set{Project: project, Name: name}
	is := false
	if f := names[setFile]; f != nil && f.kind == kindSet {
		is = true
		if f.set != nil {
			s.ID, s.Title, s.Description = f.set.id, f.set.title, f.set.description
			s.Version, s.Locked = f.set.versionText, f.set.locked
			for _, r := range f.set.ranges {
				s.Dependencies = append(s.Dependencies, r.Range)
			}
		}
	}
	for _, p := range t.prompts[folder] {
		is = true
		s.Prompts = append(s.Prompts, p)
	}
	if !is {
		return nil
	}
	slices.SortFunc(s.Prompts, func(a, b *Prompt) int { return a.Address.compare(b.Address) })
	return s
}

// Lookup returns the prompt or partial at an address. Its error is
// [ErrNotFound], and its hint names the nearest.
func (t *Tree) Lookup(a Address) (*Prompt, error) {
	if p, ok := t.prompts[a.folder()][a.Name+Suffix]; ok {
		return p, nil
	}
	e := &notFoundError{what: a.String()}
	if n := nearest(a.String(), t.addresses()); n != "" {
		e.hint = fmt.Sprintf("did you mean %s?", n)
	}
	return nil, e
}

// addresses are those of all prompts, in no order.
func (t *Tree) addresses() iter.Seq[string] {
	return func(yield func(string) bool) {
		for _, names := range t.prompts {
			for _, p := range names {
				if !yield(p.Address.String()) {
					return
				}
			}
		}
	}
}

// Prompts returns all prompts and partials, sorted by address.
func (t *Tree) Prompts() iter.Seq[*Prompt] {
	return func(yield func(*Prompt) bool) {
		for _, project := range t.projects() {
			for _, set := range project.Sets {
				for _, p := range set.Prompts {
					if !yield(p) {
						return
					}
				}
			}
		}
	}
}
