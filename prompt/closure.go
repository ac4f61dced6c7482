package prompt

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Closure returns the prompts and partials reached from some, themselves
// included, sorted by path. What is not there is left out.
func (t *Tree) Closure(of ...Address) []Dependency {
	because := map[string]Address{}
	var queue []string
	reach := func(path string, why Address) {
		if f, ok := t.files.get(path); !ok || f.kind != kindPrompt {
			return
		}
		if _, seen := because[path]; !seen {
			because[path] = why
			queue = append(queue, path)
		}
	}
	for _, a := range slices.SortedFunc(slices.Values(of), Address.compare) {
		reach(a.Path(), a)
	}
	for ; len(queue) > 0; queue = queue[1:] {
		f, _ := t.files.get(queue[0])
		for _, target := range f.targets() {
			reach(target, addressOf(queue[0]))
		}
	}
	all := make([]Dependency, 0, len(because))
	for _, path := range slices.Sorted(maps.Keys(because)) {
		all = append(all, Dependency{addressOf(path), because[path]})
	}
	return all
}

// Renders returns the prompts and partials that the one at an address renders
// itself, sorted, whether they are there or not.
func (t *Tree) Renders(a Address) []Address {
	f, ok := t.files.get(a.Path())
	if !ok || f.kind != kindPrompt {
		return nil
	}
	var out []Address
	for _, target := range f.targets() {
		out = append(out, addressOf(target))
	}
	slices.SortFunc(out, Address.compare)
	return out
}

// Has reports whether there is a file of the organisation at a path.
func (t *Tree) Has(path string) bool { return t.files.has(path) }

// Released returns the sorted paths that a release of a project contains: its
// prompts and partials and those of its closure, with the set.yaml and
// project.yaml of each.
func (t *Tree) Released(project string) []string {
	paths := map[string]bool{}
	var own []Address
	t.files.each(project, func(path string, f *file) {
		switch f.kind {
		case kindPrompt:
			own = append(own, addressOf(path))
		case kindProject, kindSet:
			paths[path] = true
		}
	})
	for _, d := range t.Closure(own...) {
		a := d.Address
		paths[a.Path()] = true
		for _, beside := range []string{a.folder() + "/" + setFile, a.Project + "/" + projectFile} {
			if t.files.has(beside) {
				paths[beside] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(paths))
}

// ProblemsIn returns why a project cannot be released: the problems of level
// [Error] in the files of its release.
func (t *Tree) ProblemsIn(project string) []Problem {
	var out []Problem
	checks := t.Organisation().Checks
	for _, path := range t.Released(project) {
		problems, _ := t.found.get(path)
		for _, p := range problems {
			if p.apply(checks) && p.Level == Error {
				out = append(out, p)
			}
		}
	}
	sortProblems(out)
	return out
}

// Introduced returns the problems of level [Error] that candidate has and base
// does not, wherever they stand in their file: what a save is held for. It
// also knows what only the comparison shows: a prompt of a locked set that
// changes without its version.
func Introduced(base, candidate *Tree) []Problem {
	checks := candidate.Organisation().Checks
	var out []Problem
	add := func(p Problem) {
		if p.apply(checks) && p.Level == Error {
			out = append(out, p)
		}
	}
	for folder, names := range candidate.found {
		for name, problems := range names {
			old := map[string]int{}
			for _, p := range base.found[folder][name] {
				old[likeness(p)]++
			}
			for _, p := range problems {
				if k := likeness(p); old[k] > 0 {
					old[k]--
				} else {
					add(p)
				}
			}
		}
	}
	for _, p := range unlocked(base, candidate) {
		add(p)
	}
	sortProblems(out)
	return out
}

// likeness is what two problems share that are the same, though the file moved
// around them: numbers in a message count lines, tests and characters.
func likeness(p Problem) string {
	return p.Rule + " " + strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return '0'
		}
		return r
	}, p.Message)
}

// unlocked reports the prompts of locked sets that changed though the set's
// version did not rise.
func unlocked(base, candidate *Tree) []Problem {
	var out []Problem
	for folder, names := range candidate.files {
		before, now := base.files[folder][setFile].lock(), names[setFile].lock()
		if before == nil || now == nil || now.version.GreaterThan(before.version) {
			continue
		}
		touched := map[string]bool{}
		for name, f := range names {
			if old := base.files[folder][name]; f.kind == kindPrompt && (old == nil || old.sum != f.sum) {
				touched[name] = true
			}
		}
		for name, f := range base.files[folder] {
			if f.kind == kindPrompt && names[name] == nil {
				touched[name] = true
			}
		}
		for name := range touched {
			out = append(out, Problem{
				Path: folder + "/" + name, Line: 1, Col: 1, Rule: ruleLocked,
				Message: fmt.Sprintf("the set %s is locked at version %s", folder, before.versionText),
				Hint:    fmt.Sprintf("raise version in %s/%s to change it", folder, setFile),
			})
		}
	}
	return out
}

// lock returns what a set.yaml says when it locks its set, else nil.
func (f *file) lock() *setBody {
	if f == nil || f.set == nil || !f.set.locked || f.set.version == nil {
		return nil
	}
	return f.set
}
