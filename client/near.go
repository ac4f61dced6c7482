package client

import (
	"slices"
	"strings"
)

// near returns the up to three addresses that look most like the one asked for.
func near(address string, prompts []*Prompt) []string {
	type candidate struct {
		address  string
		distance int
	}
	wanted := strings.ToLower(address)
	most := max(2, len(wanted)/4)
	var found []candidate
	for _, p := range prompts {
		have := p.address
		d := distance(wanted, have)
		if strings.HasSuffix(have, "/"+wanted) || strings.HasSuffix(wanted, "/"+p.Address.Name) {
			d = min(d, 1) // the right name under another set, or without its project
		}
		if d <= most {
			found = append(found, candidate{have, d})
		}
	}
	slices.SortStableFunc(found, func(a, b candidate) int { return a.distance - b.distance })
	found = found[:min(3, len(found))]
	names := make([]string, len(found))
	for i, c := range found {
		names[i] = c.address
	}
	return names
}

// distance is the number of bytes to insert, delete or replace.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			above := row[j+1]
			cost := diagonal
			if a[i] != b[j] {
				cost = 1 + min(diagonal, above, row[j])
			}
			diagonal, row[j+1] = above, cost
		}
	}
	return row[len(b)]
}
