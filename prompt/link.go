package prompt

import (
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
)

// maxRenderDepth is how many partials may stand inside of each other.
const maxRenderDepth = 8

// linkage is what linking found out about a prompt.
type linkage struct {
	depth  int      // of the partials below it
	cyclic bool     // it is in a cycle, or renders what is
	broken *Problem // the first problem that keeps it from being rendered
}

// resolve finds the address that a render tag means: a name without a slash is
// in the same set.
func resolve(from Address, name string) (Address, error) {
	if !strings.Contains(name, "/") {
		name = from.folder() + "/" + name
	}
	return ParseAddress(name)
}

// linkPrompts links the seeds and all that depends on them, what is rendered
// before what renders it.
func (e *edit) linkPrompts() {
	affected := map[string]bool{}
	queue := slices.Sorted(maps.Keys(e.seeds))
	for len(queue) > 0 {
		path := queue[0]
		queue = queue[1:]
		if affected[path] {
			continue
		}
		affected[path] = true
		by, _ := e.now.uses.get(path)
		queue = append(queue, by...)
	}
	w := &walk{edit: e, affected: affected, index: map[string]int{}, low: map[string]int{}, onStack: map[string]bool{}}
	for _, path := range slices.Sorted(maps.Keys(affected)) {
		if f, ok := e.now.files.get(path); !ok || f.kind != kindPrompt {
			e.prompts.remove(path)
			e.unresolved.set(path, false)
			continue
		}
		if w.index[path] == 0 {
			w.visit(path)
		}
	}
}

// walk visits prompts so that cycles come out as groups, each after the groups
// it renders (Tarjan's strongly connected components).
type walk struct {
	*edit
	affected map[string]bool
	index    map[string]int
	low      map[string]int
	onStack  map[string]bool
	stack    []string
}

func (w *walk) visit(path string) {
	w.index[path] = len(w.index) + 1
	w.low[path] = w.index[path]
	w.stack = append(w.stack, path)
	w.onStack[path] = true
	f, _ := w.now.files.get(path)
	next := f.targets()
	for _, target := range next {
		if g, ok := w.now.files.get(target); !ok || g.kind != kindPrompt || !w.affected[target] {
			continue
		}
		if w.index[target] == 0 {
			w.visit(target)
			w.low[path] = min(w.low[path], w.low[target])
		} else if w.onStack[target] {
			w.low[path] = min(w.low[path], w.index[target])
		}
	}
	if w.low[path] != w.index[path] {
		return
	}
	i := slices.Index(w.stack, path)
	group := slices.Clone(w.stack[i:])
	w.stack = w.stack[:i]
	for _, p := range group {
		delete(w.onStack, p)
	}
	slices.Sort(group)
	cycle := len(group) > 1 || slices.Contains(next, path)
	for _, p := range group {
		var within []string
		if cycle {
			within = group
		}
		w.one(p, within)
	}
}

// one links a prompt. cycle holds the sorted paths of the cycles it is in, if
// any.
func (e *edit) one(path string, cycle []string) {
	f, _ := e.now.files.get(path)
	a := addressOf(path)
	p := &Prompt{Address: a, Path: path, body: f.prompt}
	e.links++
	if p.body == nil {
		p.body = &body{}
	}
	b := p.body
	p.ID, p.Name, p.Description, p.Tags, p.Model, p.ModelParameters = b.id, b.name, b.description, b.tags, b.model, b.modelParameters
	p.Parameters, p.Metadata, p.Extra, p.Tests = b.parameters, b.metadata, b.extra, len(b.tests)
	p.links.cyclic, p.scopes = cycle != nil, newScopes(p)
	c := &linking{edit: e, prompt: p, cycle: cycle}
	if !e.options.CompileOnly && !e.now.files.has(a.Project+"/"+projectFile) {
		// Whatever else there is to say about a file outside of a project would
		// be noise.
		c.report(mark{1, 1}, ruleAddress, fmt.Sprintf("the folder %s is not a project", a.Project), fmt.Sprintf("make it one with a file %s/%s that says name: …", a.Project, projectFile))
		e.found.set(path, c.problems)
		p.links.broken = &c.problems[0]
		c.depend()
	} else {
		c.depend()
		c.duplicate()
		e.settle(path, c.problems)
		p.links.broken = f.broken()
	}
	if f.prompt == nil && p.links.broken == nil {
		p.links.broken = &Problem{Path: path, Line: 1, Col: 1, Rule: ruleYAML, Message: "the file cannot be read"}
	}
	for i := range c.problems {
		if p.links.broken == nil && !rules[c.problems[i].Rule].lint {
			p.links.broken = &c.problems[i]
		}
	}
	if p.links.broken == nil {
		p.links.broken = c.below
	}
	e.unresolved.set(path, c.missing)
	e.prompts.set(path, p)
	e.now.prompts = e.prompts.shelf
	e.linked = append(e.linked, p)
}

// linking is the linking of one prompt.
type linking struct {
	*edit
	prompt   *Prompt
	cycle    []string
	problems []Problem
	below    *Problem // what is wrong with something it renders
	missing  bool
}

func (c *linking) report(at mark, id, message, hint string) {
	if c.options.CompileOnly && rules[id].lint || c.full() {
		return
	}
	c.problems = append(c.problems, Problem{Path: c.prompt.Path, Line: at.line, Col: at.col, Rule: id, Message: message, Hint: hint})
}

func (c *linking) full() bool { return len(c.problems) >= maxProblems }

// depend finds what the prompt renders and checks that it can.
func (c *linking) depend() {
	p := c.prompt
	deepest := -1
	p.targets = make([]*Prompt, len(p.body.renders))
	for i, r := range p.body.renders {
		if c.full() {
			break
		}
		a, err := resolve(p.Address, r.name)
		if err != nil {
			hint := "a partial is named by its address, project/set/name, or by its name alone in the same set"
			if strings.Contains(r.name, "@") {
				hint = "leave out @ and what follows: dependencies float with the commit"
			}
			c.report(r.mark, ruleAddress, err.Error(), hint)
			continue
		}
		f, ok := c.now.files.get(a.Path())
		if !ok || f.kind != kindPrompt {
			c.missing = true
			meant, same := c.like(a)
			hint := "write it at " + a.Path()
			if len(same) > 0 {
				hint = fmt.Sprintf("%s is in %s", a.Name, list(same))
			}
			c.report(r.mark, ruleMissingDependency, fmt.Sprintf("there is no %s", a)+meant, hint)
			continue
		}
		if _, in := slices.BinarySearch(c.cycle, a.Path()); in {
			c.report(r.mark, ruleDependencyCycle, "prompts render each other: "+c.way(a), "take the shared text into a partial of its own")
			continue
		}
		q, _ := c.prompts.shelf.get(a.Path())
		p.targets[i] = q
		c.interfaceOf(r, q)
		switch {
		case q.links.cyclic:
			p.links.cyclic = true
		case q.links.depth+1 > p.links.depth:
			p.links.depth, deepest = q.links.depth+1, i
		}
		if c.below == nil {
			c.below = q.links.broken
		}
	}
	if p.links.depth > maxRenderDepth && !p.links.cyclic {
		c.report(p.body.renders[deepest].mark, ruleDependencyDepth,
			fmt.Sprintf("partials are nested %d deep, more than %d", p.links.depth, maxRenderDepth), "render some of them from the prompt itself")
	}
}

// like returns the partial that was most likely meant by an address that is not
// there, if any, and where else a partial of its name is.
func (e *edit) like(a Address) (nearest string, same []string) {
	if e.folders == nil {
		e.folders, e.nearby = map[string][]string{}, map[Address]string{}
		for folder, names := range e.now.files {
			for name, f := range names {
				if f.kind == kindPrompt && strings.HasPrefix(name, "_") {
					e.folders[name] = append(e.folders[name], folder)
				}
			}
		}
		for _, folders := range e.folders {
			slices.Sort(folders)
		}
	}
	same = e.folders[a.Name+Suffix]
	nearest, known := e.nearby[a]
	if !known {
		nearest = didYouMean(a.String(), e.near(a, same))
		e.nearby[a] = nearest
	}
	return nearest, same
}

// near are the partials of the same set, and those that differ only in the set.
func (e *edit) near(a Address, same []string) iter.Seq[string] {
	const most = 1000 // beyond them the search would take longer than it helps
	return func(yield func(string) bool) {
		if here := e.now.files[a.folder()]; len(here) <= most {
			for name, f := range here {
				if f.kind == kindPrompt && strings.HasPrefix(name, "_") && !yield(a.folder()+"/"+strings.TrimSuffix(name, Suffix)) {
					return
				}
			}
		}
		for _, folder := range same[:min(len(same), most)] {
			if !yield(folder + "/" + a.Name) {
				return
			}
		}
	}
}

// interfaceOf checks what a render tag passes against what the partial takes.
func (c *linking) interfaceOf(r renders, q *Prompt) {
	if !q.Address.IsPartial() {
		c.report(r.mark, ruleRenderTarget, fmt.Sprintf("%s is a prompt, and only partials are rendered inside of others", q.Address), "take the shared text into a partial, whose name begins with _")
		return
	}
	if c.now.broken(q.Path) {
		return // its own problems come first
	}
	takes := q.body.free
	if q.body.declared {
		takes = slices.Collect(names(q.Parameters))
	}
	for _, arg := range r.args {
		if c.full() {
			return
		}
		if !slices.Contains(takes, arg) {
			hint := fmt.Sprintf("%s takes no arguments", q.Address)
			if len(takes) > 0 {
				hint = fmt.Sprintf("%s takes %s", q.Address, list(takes))
			}
			c.report(r.mark, ruleRenderArgument, fmt.Sprintf("%s has no parameter %q", q.Address, arg)+didYouMean(arg, slices.Values(takes)), hint)
		}
	}
	for _, name := range takes {
		if c.full() {
			return
		}
		if slices.Contains(r.args, name) {
			continue
		}
		hint := fmt.Sprintf(`pass it: {%% render "%s", %s: … %%}`, r.name, name)
		if !q.body.declared {
			hint += fmt.Sprintf(", or give %s a parameter of that name with a default", q.Address)
		} else if parameter, _ := q.Parameter(name); !parameter.Required {
			continue
		}
		c.report(r.mark, ruleRenderArgument, fmt.Sprintf("%s needs the argument %q", q.Address, name), hint)
	}
}

// broken reports whether a file's own problems keep it from being understood.
func (t *Tree) broken(path string) bool {
	f, ok := t.files.get(path)
	return !ok || f.prompt == nil || f.broken() != nil
}

// way writes a cycle: from the prompt through one that it renders back to it,
// by the shortest way.
func (c *linking) way(through Address) string {
	const most = 200 // prompts in a cycle that are still worth naming
	if len(c.cycle) > most {
		return fmt.Sprintf("%d of them, among them %s", len(c.cycle), through)
	}
	start, from := c.prompt.Path, through.Path()
	came := map[string]string{from: start} // the one before, on the way from start
	for queue := []string{from}; len(queue) > 0 && came[start] == "" && from != start; queue = queue[1:] {
		f, _ := c.now.files.get(queue[0])
		for _, next := range f.targets() {
			_, in := slices.BinarySearch(c.cycle, next)
			if in && came[next] == "" {
				came[next] = queue[0]
				queue = append(queue, next)
			}
		}
	}
	way := []string{strings.TrimSuffix(start, Suffix)}
	for at := came[start]; at != start; at = came[at] {
		way = append(way, strings.TrimSuffix(at, Suffix))
	}
	way = append(way, way[0])
	slices.Reverse(way)
	return strings.Join(way, " → ")
}

// duplicate checks that nobody else has the prompt's id.
func (c *linking) duplicate() {
	if other := c.otherWith(c.prompt.ID, c.prompt.Path); other != "" {
		c.report(c.prompt.body.idPlace, ruleDuplicateID, sameID(other), sameIDHint)
	}
}

// otherWith returns the first other file with an id, or "".
func (e *edit) otherWith(id, path string) string {
	if id == "" {
		return ""
	}
	for _, other := range e.ids[id] {
		if other != path {
			return other
		}
	}
	return ""
}

func sameID(other string) string { return fmt.Sprintf("the id is also the one of %s", other) }

const sameIDHint = "an id belongs to one file: remove it from the copy"
