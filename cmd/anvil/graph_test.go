package main

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/anvilpeering/anvil/prompt"
)

// What renders what may be dense: the number of ways through this one is 60 to
// the power of 8, and every edge is shown once.
func TestDenseGraphIsShownInTime(t *testing.T) {
	const layers, wide = 8, 60
	files := map[string]string{"anvil.yaml": "organisation: acme\nformat: 1\n", "p/project.yaml": "name: P\n"}
	for layer := range layers {
		for i := range wide {
			var body strings.Builder
			for j := range wide {
				if layer < layers-1 {
					fmt.Fprintf(&body, `{%% render "_part-%d-%d" %%}`, layer+1, j)
				}
			}
			files[fmt.Sprintf("p/s/_part-%d-%d.yaml", layer, i)] = "template: |\n  text " + body.String() + "\n"
		}
	}
	tree := prompt.Parse(func(yield func(string, []byte) bool) {
		for path, content := range files {
			if !yield(path, []byte(content)) {
				return
			}
		}
	}, prompt.Options{CompileOnly: true})
	const edges = (layers - 1) * wide * wide
	for _, reverse := range []bool{false, true} {
		start := time.Now()
		g := newGraph(tree, reverse)
		g.begin(tree, false, func(string) bool { return true })
		var text strings.Builder
		g.tree(&text)
		if lines := strings.Count(text.String(), "\n"); lines != edges+wide {
			t.Errorf("reverse %v: the tree has %d lines, not %d", reverse, lines, edges+wide)
		}
		if found := g.edges(); len(found) != edges || slices.ContainsFunc(found, func(e edge) bool { return e.Cycle }) {
			t.Errorf("reverse %v: %d edges, not %d without a cycle", reverse, len(found), edges)
		}
		if drawn := strings.Count(g.dot(), " -> "); drawn != edges {
			t.Errorf("reverse %v: %d arrows are drawn, not %d", reverse, drawn, edges)
		}
		if took := time.Since(start); took > 10*time.Second {
			t.Errorf("reverse %v: it took %v", reverse, took)
		}
	}
}
