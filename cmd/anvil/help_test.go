package main

import (
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// Every command stands in a group, says what it does and shows how it is called.
func TestEveryCommandIsExplained(t *testing.T) {
	a := &app{in: strings.NewReader(""), out: io.Discard, err: io.Discard, raw: io.Discard}
	var walk func(c *cobra.Command, depth int)
	walk = func(c *cobra.Command, depth int) {
		for _, sub := range c.Commands() {
			if sub.Name() == "completion" || sub.Name() == "help" {
				continue // cobra's own
			}
			path := sub.CommandPath()
			if depth == 0 && !slices.Contains([]string{"write", "share", "ship", "run"}, sub.GroupID) {
				t.Errorf("%s is in no group", path)
			}
			if sub.Short == "" || strings.HasSuffix(sub.Short, ".") {
				t.Errorf("%s says %q in the list", path, sub.Short)
			}
			if sub.HasSubCommands() {
				walk(sub, depth+1)
				continue
			}
			if takesNothing := !strings.Contains(strings.TrimSuffix(sub.Use, " [flags]"), " "); sub.Example == "" && !takesNothing {
				t.Errorf("%s shows no example", path)
			}
			for line := range strings.Lines(sub.Example) {
				if !strings.HasPrefix(line, "  ") {
					t.Errorf("%s: the example %q is not indented", path, line)
				}
			}
		}
	}
	walk(a.root(), 0)
}
