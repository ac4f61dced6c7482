//go:build limits

package prompt

import (
	"runtime"
	"slices"
	"testing"
	"time"
)

// The check of 10,000 prompts after one change takes at most 5 ms, and at most 20
// when fifty prompts render what changed and are tested again: the median of
// several.
func TestLimitCheckAfterOneChange(t *testing.T) {
	world := library(10_000)
	begin := time.Now()
	tree := Parse(files(world), Options{})
	problems := tree.Problems()
	t.Logf("cold: %v", time.Since(begin))
	if len(problems) > 0 {
		t.Fatal(problems[0])
	}
	const path = "project-1/set-60/prompt-3001.yaml"
	for name, change := range map[string]Change{
		"a comment":         {Path: path, Content: append([]byte("# changed\n"), world[path]...)},
		"a mistake":         {Path: path, Content: append([]byte("temperature: 1\n"), world[path]...)},
		"a new prompt":      {Path: "project-1/set-60/new.yaml", Content: world[path]},
		"a deletion":        {Path: path, Removed: true},
		"a partial of 50":   {Path: "project-1/set-60/_rules.yaml", Content: []byte("template: |-\n  Never say always.\n")},
		"the set's version": {Path: "project-1/set-60/set.yaml", Content: []byte("version: 0.2.0\ndependencies: {shared/voice: ^1.2}\n")},
	} {
		t.Run(name, func(t *testing.T) {
			most := 5 * time.Millisecond
			if name == "a partial of 50" {
				most = 20 * time.Millisecond
			}
			times := make([]time.Duration, 21)
			for i := range times {
				begin := time.Now()
				next := tree.With(change)
				Introduced(tree, next)
				next.Problems()
				times[i] = time.Since(begin)
			}
			slices.Sort(times)
			median := times[len(times)/2]
			t.Logf("%v (limit %v; %v to %v)", median, most, times[0], times[len(times)-1])
			if median > most {
				t.Errorf("it took %v, the limit is %v", median, most)
			}
		})
	}
}

// A tree of 10,000 prompts of 2 KB keeps at most 60 MB: their text and as much
// again for what was found out about them.
func TestLimitMemory(t *testing.T) {
	world := library(10_000)
	before := heap()
	tree := Parse(files(world), Options{})
	used := heap() - before
	runtime.KeepAlive(tree)
	runtime.KeepAlive(world)
	t.Logf("%.1f MB", used)
	if used > 60 {
		t.Errorf("a tree of 10,000 prompts keeps %.1f MB", used)
	}
}
