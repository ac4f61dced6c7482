package main

import (
	"fmt"
	"maps"
	"slices"

	"github.com/anvilpeering/anvil/daemon"
	"github.com/anvilpeering/anvil/prompt"
)

// heldFiles prints events and, after each that changes what is held, the problems
// of all held files between two lines that an editor's task looks for.
type heldFiles struct {
	*app
	holds map[string]daemon.Hold
}

// print is called by one goroutine at a time.
func (h *heldFiles) print(e daemon.Event) {
	h.printEvent(e)
	if h.holds == nil {
		h.holds = map[string]daemon.Hold{}
	}
	switch {
	case e.Hold == nil:
		return
	case e.Kind == daemon.EventHeld:
		h.holds[e.Hold.Path] = *e.Hold
	case e.Kind == daemon.EventMended:
		delete(h.holds, e.Hold.Path)
	}
	fmt.Fprintln(h.out, "· held files:")
	for _, path := range slices.Sorted(maps.Keys(h.holds)) {
		hold := h.holds[path]
		for _, p := range hold.Problems {
			printProblem(h.out, p, "")
		}
		if len(hold.Problems) == 0 {
			printProblem(h.out, prompt.Problem{Path: path, Line: 1, Col: 1, Rule: hold.Kind, Message: hold.Reason, Hint: hold.Hint}, "")
		}
	}
	fmt.Fprintf(h.out, "· %d held\n", len(h.holds))
}
