package exchange

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/anvilpeering/anvil/bundle"
	"github.com/anvilpeering/anvil/prompt"
)

// Selection is what a bundle will hold, and why. It is immutable.
type Selection struct {
	Organisation string
	// Scope are the folders (ending in a slash) and addresses that the selection
	// speaks for, sorted, none of them inside another.
	Scope []string
	Items []Item // sorted by path
	// External are what is rendered and stays behind, sorted: everything outside of
	// the scope when dependencies are left out.
	External []prompt.Address
	// Cycles are groups of sets that render one another, sorted. They are allowed.
	Cycles [][]string

	tree *prompt.Tree
}

// Item is one file of a selection.
type Item struct {
	Path    string // relative to the organisation
	Kind    string // bundle.KindPrompt and the like
	Address string // project, project/set or project/set/name
	Carried bool   // brought along, not selected
	// Because is the prompt that the file is in for: what renders it, or what it
	// lies beside. Itself for what was selected.
	Because string
}

// ErrNothing: what was selected is nothing.
var ErrNothing = errors.New("nothing is selected")

// UnfitError says that what was selected does not check, and why.
type UnfitError struct {
	Problems []prompt.Problem // sorted; at least one
}

func (e *UnfitError) Error() string {
	if len(e.Problems) == 1 {
		return fmt.Sprintf("the selection has a problem: %s", e.Problems[0])
	}
	return fmt.Sprintf("the selection has %d problems, the first: %s", len(e.Problems), e.Problems[0])
}

// Hint says where to see them all.
func (e *UnfitError) Hint() string {
	return "anvil check lists all problems; mend and commit them first"
}

// Select finds what the patterns mean in a tree; without one, the whole organisation.
// With alone, what is rendered outside of the scope stays behind as External. A
// pattern that means nothing is [ErrNothing]; files with errors are an [*UnfitError].
func Select(tree *prompt.Tree, alone bool, patterns ...Pattern) (*Selection, error) {
	scope, err := speaks(tree, patterns)
	if err != nil {
		return nil, err
	}
	s := &Selection{Organisation: tree.Organisation().Name, Scope: scope, tree: tree}
	items := map[string]Item{}
	var chosen []prompt.Address
	for p := range tree.Prompts() {
		if s.speaksFor(p.Path) {
			chosen = append(chosen, p.Address)
		}
	}
	external := map[prompt.Address]bool{}
	for _, d := range tree.Closure(chosen...) {
		if alone && !s.speaksFor(d.Address.Path()) {
			external[d.Address] = true
			continue
		}
		s.add(items, d)
	}
	if alone {
		maps.DeleteFunc(external, func(a prompt.Address, _ bool) bool {
			return !slices.ContainsFunc(chosen, func(by prompt.Address) bool { return slices.Contains(tree.Renders(by), a) })
		})
	}
	s.folders(items)
	for _, path := range slices.Sorted(maps.Keys(items)) {
		s.Items = append(s.Items, items[path])
	}
	for a := range external {
		s.External = append(s.External, a)
	}
	slices.SortFunc(s.External, func(a, b prompt.Address) int { return strings.Compare(a.String(), b.String()) })
	s.Cycles = s.cycles()
	if problems := s.problems(); len(problems) > 0 {
		return nil, &UnfitError{problems}
	}
	return s, nil
}

// speaks is the scope of the patterns together.
func speaks(tree *prompt.Tree, patterns []Pattern) ([]string, error) {
	if len(patterns) == 0 {
		patterns = []Pattern{{text: "*", names: []string{"*"}}}
	}
	var all []string
	for _, p := range patterns {
		scope := p.scope(tree)
		if len(scope) == 0 {
			return nil, &nothingError{p.text}
		}
		all = append(all, scope...)
	}
	slices.Sort(all)
	all = slices.Compact(all)
	var out []string
	for _, s := range all {
		inside := slices.ContainsFunc(all, func(f string) bool {
			return f != s && strings.HasSuffix(f, "/") && strings.HasPrefix(s, f)
		})
		if !inside {
			out = append(out, s)
		}
	}
	return out, nil
}

type nothingError struct{ pattern string }

func (e *nothingError) Error() string {
	return fmt.Sprintf("%v: %q matches no prompt", ErrNothing, e.pattern)
}
func (e *nothingError) Unwrap() error { return ErrNothing }
func (e *nothingError) Hint() string {
	return "anvil graph lists the prompts; a selection is seen from the organisation's folder, at the revision that is exported"
}

func (s *Selection) speaksFor(path string) bool {
	return (&bundle.Manifest{Scope: s.Scope}).Speaks(contentFolder + path)
}

const contentFolder = "content/"

func (s *Selection) add(items map[string]Item, d prompt.Dependency) {
	kind := bundle.KindPrompt
	if d.Address.IsPartial() {
		kind = bundle.KindPartial
	}
	path := d.Address.Path()
	items[path] = Item{Path: path, Kind: kind, Address: d.Address.String(), Carried: !s.speaksFor(path), Because: d.Because.String()}
}

// folders adds the project.yaml and set.yaml of everything that is in, and those of
// selected folders.
func (s *Selection) folders(items map[string]Item) {
	add := func(address, kind, because string) {
		path := address + "/" + kind + prompt.Suffix
		if _, there := items[path]; !there && s.tree.Has(path) {
			items[path] = Item{Path: path, Kind: kind, Address: address, Carried: !s.speaksFor(path), Because: because}
		}
	}
	for _, path := range slices.Sorted(maps.Keys(items)) {
		if a, err := prompt.ParseAddress(items[path].Address); err == nil {
			add(a.Project, bundle.KindProject, a.String())
			add(a.Project+"/"+a.Set, bundle.KindSet, a.String())
		}
	}
	for _, project := range s.tree.Projects() {
		if s.speaksFor(project.Name + "/project" + prompt.Suffix) {
			add(project.Name, bundle.KindProject, project.Name)
		}
		for _, set := range project.Sets {
			address := project.Name + "/" + set.Name
			if s.speaksFor(address + "/set" + prompt.Suffix) {
				add(address, bundle.KindSet, address)
			}
		}
	}
}

// problems are the errors of what is in, and of what should be and cannot be read: its
// absence would say that it was deleted.
func (s *Selection) problems() []prompt.Problem {
	in := map[string]bool{}
	for _, item := range s.Items {
		in[item.Path] = true
	}
	var out []prompt.Problem
	for _, p := range s.tree.Problems() {
		if p.Level == prompt.Error && (in[p.Path] || s.speaksFor(p.Path)) {
			out = append(out, p)
		}
	}
	return out
}
