package prompt

import (
	"cmp"
	"maps"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
)

// edit makes a tree out of another and some changes, in four steps: read the
// changed files; find out what has to be linked again; link it, what is rendered
// before what renders it; run the tests of what was linked.
type edit struct {
	options    Options
	before     *Tree
	files      *shelving[*file]
	prompts    *shelving[*Prompt]
	found      *shelving[[]Problem]
	uses       *shelving[users]
	ids        map[string][]string
	idsOwn     bool
	unresolved wording
	strays     wording

	lost, gained map[string][]string // who renders a path no longer, and who does now

	changed []changed
	seeds   map[string]bool // paths of prompts to link, with what depends on them
	sets    map[string]bool // folders of sets whose existence, version or ranges may differ
	linked  []*Prompt       // in the order of their linking
	links   int
	nearby  map[Address]string  // the nearest partials of those that are not there
	folders map[string][]string // those with a partial of a name, once somebody asks
	now     *Tree               // what the steps read: the shelves as they stand
}

// changed is a path whose file is not what it was.
type changed struct {
	path          string
	kind          kind
	before, after *file // nil where there is none
}

func newEdit(t *Tree) *edit {
	return &edit{
		options: t.options, before: t, files: change(t.files), prompts: change(t.prompts), found: change(t.found), uses: change(t.uses),
		ids: t.ids, unresolved: wording{words: t.unresolved}, strays: wording{words: t.strays},
		lost: map[string][]string{}, gained: map[string][]string{}, seeds: map[string]bool{}, sets: map[string]bool{},
	}
}

// read parses the changed files, on all processors.
func (e *edit) read(changes []Change) {
	last := make(map[string]int, len(changes))
	for i, c := range changes {
		if classify(c.Path) != kindNone {
			last[c.Path] = i
		}
	}
	indexes := slices.Sorted(maps.Values(last))
	results := make([]changed, len(indexes))
	parallel(len(indexes), func(i int) {
		c := changes[indexes[i]]
		kind := classify(c.Path)
		before, _ := e.before.files.get(c.Path)
		results[i] = changed{c.Path, kind, before, nil}
		switch {
		case c.Removed:
		case before != nil && before.sum == sumOf(c.Content):
			results[i].after = before
		default:
			results[i].after = parse(c.Path, kind, c.Content, e.options)
		}
	})
	for _, r := range results {
		if r.before == r.after {
			continue
		}
		e.changed = append(e.changed, r)
		if r.after == nil {
			e.files.remove(r.path)
		} else {
			e.files.set(r.path, r.after)
		}
	}
	slices.SortFunc(e.changed, func(a, b changed) int { return cmp.Compare(a.path, b.path) })
}

// parallel calls f for 0 to n-1, on all processors.
func parallel(n int, f func(i int)) {
	workers := min(runtime.GOMAXPROCS(0), n)
	if workers <= 1 {
		for i := range n {
			f(i)
		}
		return
	}
	var next atomic.Int64
	var group sync.WaitGroup
	for range workers {
		group.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				f(i)
			}
		})
	}
	group.Wait()
}

// link links again what the changes touch.
func (e *edit) link() {
	came := map[string]bool{}     // projects in which a file came or went
	projects := map[string]bool{} // that became ones, or no longer are
	appeared := false             // a prompt or a set came or went
	for _, c := range e.changed {
		folder, _ := split(c.path)
		project, _, _ := strings.Cut(c.path, "/")
		moved := (c.before == nil) != (c.after == nil)
		came[project] = came[project] || moved
		switch c.kind {
		case kindPrompt:
			e.seeds[c.path] = true
			e.identify(c)
			e.reference(c)
		case kindSet:
			e.sets[folder] = true
			e.identify(c)
		case kindProject:
			projects[project] = projects[project] || moved
		case kindStray:
			e.strays.set(c.path, c.after != nil)
		}
		if moved && (c.kind == kindPrompt || c.kind == kindSet) {
			appeared = true
			e.sets[folder] = true
		}
		e.settle(c.path, nil)
	}
	e.rereference()
	e.now = &Tree{options: e.options, files: e.files.shelf, prompts: e.prompts.shelf, uses: e.uses.shelf, ids: e.ids}
	for project, turned := range projects {
		if turned {
			e.now.files.each(project, func(path string, f *file) {
				if f.kind == kindPrompt {
					e.seeds[path] = true
				}
			})
		}
	}
	for path := range e.strays.words {
		if project, _, _ := strings.Cut(path, "/"); came[project] {
			e.stray(path)
		}
	}
	if appeared {
		for path := range e.unresolved.words {
			e.again([]string{path})
		}
	}
	e.linkSets()
	e.linkPrompts()
}

// settle records what is wrong with a path: what its file says alone, and what
// linking found.
func (e *edit) settle(path string, found []Problem) {
	f, ok := e.files.shelf.get(path)
	var all []Problem
	if ok {
		all = append(append(all, f.problems...), found...)
	}
	if len(all) == 0 {
		e.found.remove(path)
		return
	}
	e.found.set(path, all)
}

// add records more that is wrong with a path.
func (e *edit) add(path string, more []Problem) {
	if len(more) == 0 {
		return
	}
	old, _ := e.found.shelf.get(path)
	e.found.set(path, append(slices.Clip(old), more...))
}

// identify keeps the index of ids.
func (e *edit) identify(c changed) {
	was, is := c.before.id(), c.after.id()
	if was == is {
		return
	}
	if !e.idsOwn {
		e.ids, e.idsOwn = maps.Clone(e.ids), true
		if e.ids == nil {
			e.ids = map[string][]string{}
		}
	}
	if was != "" {
		left := slices.DeleteFunc(slices.Clone(e.ids[was]), func(p string) bool { return p == c.path })
		e.ids[was] = left
		if len(left) == 0 {
			delete(e.ids, was)
		}
		e.again(left)
	}
	if is != "" {
		e.again(e.ids[is])
		with := append(slices.Clone(e.ids[is]), c.path)
		slices.Sort(with)
		e.ids[is] = with
	}
}

// again has prompts and sets linked again.
func (e *edit) again(paths []string) {
	for _, p := range paths {
		if folder, name := split(p); name == setFile {
			e.sets[folder] = true
		} else {
			e.seeds[p] = true
		}
	}
}

// id returns the id that a file claims.
func (f *file) id() string {
	switch {
	case f == nil:
		return ""
	case f.prompt != nil:
		return f.prompt.id
	case f.set != nil:
		return f.set.id
	}
	return ""
}

// reference notes who renders what no longer, and who does now.
func (e *edit) reference(c changed) {
	was, is := c.before.targets(), c.after.targets()
	for _, target := range was {
		if _, still := slices.BinarySearch(is, target); !still {
			e.lost[target] = append(e.lost[target], c.path)
		}
	}
	for _, target := range is {
		if _, already := slices.BinarySearch(was, target); !already {
			e.gained[target] = append(e.gained[target], c.path)
		}
	}
}

// rereference keeps the index of who renders what.
func (e *edit) rereference() {
	for target, lost := range e.lost {
		old, _ := e.uses.shelf.get(target)
		left := slices.DeleteFunc(slices.Clone(old), func(p string) bool {
			_, gone := slices.BinarySearch(lost, p) // sorted, as the changes are
			return gone
		})
		if len(left) == 0 {
			e.uses.remove(target)
		} else {
			e.uses.set(target, left)
		}
	}
	for target, gained := range e.gained {
		old, _ := e.uses.shelf.get(target)
		all := slices.Concat(old, gained)
		slices.Sort(all)
		e.uses.set(target, all)
	}
}

// targets are the sorted paths that a prompt renders, there or not.
func (f *file) targets() []string {
	if f == nil || f.prompt == nil {
		return nil
	}
	return f.prompt.targets
}

// stray checks a YAML file that is not where it should be.
func (e *edit) stray(path string) {
	project, _, _ := strings.Cut(path, "/")
	files := e.now.files
	_, name := split(path)
	f := files[project][projectFile]
	switch {
	case e.options.CompileOnly: // it keeps no prompt from being rendered
	case f == nil && name != projectFile: // not in a project: none of our business
	default:
		e.settle(path, []Problem{stray(path, files.has)})
		return
	}
	e.settle(path, nil)
}

// test runs the tests of what was linked.
func (e *edit) test() {
	if e.options.CompileOnly {
		return
	}
	results := make([][]Problem, len(e.linked))
	parallel(len(e.linked), func(i int) {
		if p := e.linked[i]; p.links.broken == nil {
			results[i] = p.test()
		}
	})
	for i, p := range e.linked {
		e.add(p.Path, results[i])
	}
	for _, p := range e.linked {
		for _, part := range p.body.parts {
			if part.text != nil {
				part.text.forget()
			}
		}
	}
}

// tree returns the result.
func (e *edit) tree() *Tree {
	t := &Tree{
		options: e.options, files: e.files.shelf, prompts: e.prompts.shelf, found: e.found.shelf, uses: e.uses.shelf,
		ids: e.ids, unresolved: e.unresolved.words, strays: e.strays.words, parsed: len(e.changed), linked: e.links,
	}
	t.problems = sync.OnceValue(t.collect)
	t.projects = sync.OnceValue(t.list)
	return t
}
