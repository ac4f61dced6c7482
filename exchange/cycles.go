package exchange

import (
	"maps"
	"slices"

	"github.com/anvilpeering/anvil/prompt"
)

// cycles finds the groups of sets of which each renders, over others or itself, all
// the others.
func (s *Selection) cycles() [][]string {
	next := map[string]map[string]bool{}
	for _, item := range s.Items {
		a, err := prompt.ParseAddress(item.Address)
		if err != nil {
			continue
		}
		from := a.Project + "/" + a.Set
		for _, b := range s.tree.Renders(a) {
			if to := b.Project + "/" + b.Set; to != from {
				if next[from] == nil {
					next[from] = map[string]bool{}
				}
				next[from][to] = true
			}
		}
	}
	reaches := func(from string) map[string]bool {
		seen, queue := map[string]bool{}, []string{from}
		for ; len(queue) > 0; queue = queue[1:] {
			for to := range next[queue[0]] {
				if !seen[to] {
					seen[to] = true
					queue = append(queue, to)
				}
			}
		}
		return seen
	}
	var out [][]string
	reached := map[string]map[string]bool{}
	for set := range next {
		reached[set] = reaches(set)
	}
	grouped := map[string]bool{}
	for _, set := range slices.Sorted(maps.Keys(next)) {
		if grouped[set] || !reached[set][set] {
			continue
		}
		var group []string
		for _, other := range slices.Sorted(maps.Keys(next)) {
			if reached[set][other] && reached[other][set] {
				group = append(group, other)
				grouped[other] = true
			}
		}
		out = append(out, group)
	}
	return out
}
