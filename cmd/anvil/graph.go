package main

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/anvilpeering/anvil/prompt"
	"github.com/spf13/cobra"
)

func (a *app) graphCommand() *cobra.Command {
	var format string
	var reverse bool
	cmd := &cobra.Command{
		Use:   "graph [PROJECT | PROJECT/SET | ADDRESS | FILE]...",
		Short: "Show what renders what",
		Long: `Shows the partials that prompts render, and what those render, as a tree. Named
parts are where it begins, else all that nobody renders. --reverse shows who
uses what instead: what has to be looked at when a partial changes.

What stands there a second time is not unfolded again and ends with ↑; what is
not there ends with (missing), and what renders itself with (cycle).`,
		Example: "  anvil graph support/triage/classify\n  anvil graph shared/voice/_tone --reverse\n  anvil graph --format dot | dot -Tsvg > prompts.svg",
		RunE: func(_ *cobra.Command, args []string) error {
			if !slices.Contains([]string{"text", "dot", "json"}, format) {
				return &usageError{err: fmt.Errorf("there is no format %q", format), hint: "--format text, dot or json"}
			}
			if a.json {
				format = "json"
			}
			root, err := findRoot(a.dir)
			if err != nil {
				return err
			}
			tree, err := parseFolder(root)
			if err != nil {
				return err
			}
			in, err := within(tree, root, args)
			if err != nil {
				return err
			}
			g := newGraph(tree, reverse)
			g.begin(tree, len(args) > 0, in)
			switch format {
			case "dot":
				fmt.Fprint(a.out, g.dot())
			case "json":
				encoder := json.NewEncoder(a.raw)
				encoder.SetIndent("", "  ")
				return encoder.Encode(g.edges())
			default:
				g.tree(a.out)
			}
			return nil
		},
		ValidArgsFunction: a.completeParts,
	}
	cmd.Flags().StringVar(&format, "format", "text", "text, dot or json")
	cmd.Flags().BoolVar(&reverse, "reverse", false, "who uses what, instead of what uses whom")
	return cmd
}

// graph is what renders what, or who is rendered by whom.
type graph struct {
	next    map[prompt.Address][]prompt.Address
	there   map[prompt.Address]bool
	reverse bool
	roots   []prompt.Address
	shown   map[prompt.Address]bool
}

func newGraph(tree *prompt.Tree, reverse bool) *graph {
	g := &graph{next: map[prompt.Address][]prompt.Address{}, there: map[prompt.Address]bool{}, reverse: reverse, shown: map[prompt.Address]bool{}}
	for p := range tree.Prompts() {
		g.there[p.Address] = true
		for _, target := range tree.Renders(p.Address) {
			if reverse {
				g.next[target] = append(g.next[target], p.Address)
			} else {
				g.next[p.Address] = append(g.next[p.Address], target)
			}
		}
	}
	return g
}

// begin chooses where the trees begin: at all that is named, else where no other
// tree comes by.
func (g *graph) begin(tree *prompt.Tree, named bool, in func(path string) bool) {
	var all []prompt.Address
	for p := range tree.Prompts() {
		if in(p.Path) {
			all = append(all, p.Address)
		}
	}
	if named {
		g.roots = all
		return
	}
	below := map[prompt.Address]bool{}
	for _, targets := range g.next {
		for _, t := range targets {
			below[t] = true
		}
	}
	reached := map[prompt.Address]bool{}
	var reach func(prompt.Address)
	reach = func(at prompt.Address) {
		if !reached[at] {
			reached[at] = true
			for _, t := range g.next[at] {
				reach(t)
			}
		}
	}
	for _, at := range all {
		if !below[at] {
			g.roots = append(g.roots, at)
			reach(at)
		}
	}
	for _, at := range all { // cycles that nobody else renders
		if !reached[at] {
			g.roots = append(g.roots, at)
			reach(at)
		}
	}
}

// mark is what is said behind an address that stands below others.
func (g *graph) mark(at prompt.Address, way []prompt.Address) string {
	switch {
	case slices.Contains(way, at):
		return " (cycle)"
	case !g.there[at]:
		return " (missing)"
	case g.shown[at] && len(g.next[at]) > 0:
		return " ↑"
	}
	return ""
}

// tree prints what stands below each root, every address unfolded once.
func (g *graph) tree(w io.Writer) {
	for _, from := range g.roots {
		fmt.Fprintln(w, from.String()+g.mark(from, nil))
		g.below(w, from, "", []prompt.Address{from})
	}
}

// below prints what stands below an address; way leads to it.
func (g *graph) below(w io.Writer, at prompt.Address, indent string, way []prompt.Address) {
	if g.shown[at] {
		return
	}
	g.shown[at] = true
	for i, t := range g.next[at] {
		branch, further := "├─ ", "│  "
		if i == len(g.next[at])-1 {
			branch, further = "└─ ", "   "
		}
		fmt.Fprintln(w, indent+branch+t.String()+g.mark(t, way))
		if !slices.Contains(way, t) {
			g.below(w, t, indent+further, append(slices.Clip(way), t))
		}
	}
}

// edge is one step of the graph, for scripts and drawings.
type edge struct {
	From    prompt.Address `json:"from"`
	To      prompt.Address `json:"to"` // what from renders, also with --reverse
	Missing bool           `json:"missing,omitempty"`
	Cycle   bool           `json:"cycle,omitempty"` // to leads back to from
}

// edges are those that are reached from where the trees begin.
func (g *graph) edges() []edge {
	all := []edge{}
	circle := g.circles()
	seen := map[prompt.Address]bool{}
	queue := slices.Clone(g.roots)
	for ; len(queue) > 0; queue = queue[1:] {
		at := queue[0]
		if seen[at] {
			continue
		}
		seen[at] = true
		for _, t := range g.next[at] {
			e := edge{From: at, To: t, Missing: !g.there[t], Cycle: circle[at] == circle[t]}
			if g.reverse {
				e.From, e.To, e.Missing = t, at, !g.there[at]
			}
			all = append(all, e)
			queue = append(queue, t)
		}
	}
	slices.SortFunc(all, func(a, b edge) int {
		return strings.Compare(a.From.String()+"\x00"+a.To.String(), b.From.String()+"\x00"+b.To.String())
	})
	return all
}

// circles numbers what lies on circles: two addresses have the same number when
// each leads to the other. It is Tarjan's algorithm for strongly connected
// components (SIAM Journal on Computing 1, 1972), which looks at each edge once.
func (g *graph) circles() map[prompt.Address]int {
	circle := map[prompt.Address]int{} // set when the circle is whole
	order, low := map[prompt.Address]int{}, map[prompt.Address]int{}
	var open []prompt.Address
	var visit func(prompt.Address)
	visit = func(at prompt.Address) {
		order[at] = len(order) + 1
		low[at] = order[at]
		first := len(open)
		open = append(open, at)
		for _, t := range g.next[at] {
			if order[t] == 0 {
				visit(t)
				low[at] = min(low[at], low[t])
			} else if circle[t] == 0 {
				low[at] = min(low[at], order[t])
			}
		}
		if low[at] < order[at] {
			return
		}
		for _, member := range open[first:] {
			circle[member] = order[at]
		}
		open = open[:first]
	}
	for _, at := range g.roots {
		if order[at] == 0 {
			visit(at)
		}
	}
	return circle
}

// dot is the graph in the language of Graphviz, with a box a set.
func (g *graph) dot() string {
	var b strings.Builder
	edges := g.edges()
	sets := map[string][]prompt.Address{}
	added := map[prompt.Address]bool{}
	add := func(a prompt.Address) {
		if set := a.Project + "/" + a.Set; !added[a] {
			added[a] = true
			sets[set] = append(sets[set], a)
		}
	}
	for _, at := range g.roots {
		add(at)
	}
	for _, e := range edges {
		add(e.From)
		add(e.To)
	}
	b.WriteString("digraph prompts {\n  rankdir=LR;\n  node [shape=box];\n")
	for _, set := range slices.Sorted(maps.Keys(sets)) {
		fmt.Fprintf(&b, "  subgraph %q {\n    label=%q;\n", "cluster "+set, set)
		for _, a := range sets[set] {
			style := ""
			switch {
			case !g.there[a]:
				style = ", style=dashed, color=red"
			case a.IsPartial():
				style = ", style=rounded"
			}
			fmt.Fprintf(&b, "    %q [label=%q%s];\n", a, a.Name, style)
		}
		b.WriteString("  }\n")
	}
	for _, e := range edges {
		style := ""
		if e.Cycle || e.Missing {
			style = " [color=red]"
		}
		fmt.Fprintf(&b, "  %q -> %q%s;\n", e.From, e.To, style)
	}
	b.WriteString("}\n")
	return b.String()
}
