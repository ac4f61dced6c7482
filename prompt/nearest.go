package prompt

import (
	"fmt"
	"iter"
	"slices"
	"strings"
)

// nearest returns the candidate that an author most likely meant, or "". The
// result does not depend on the order of the candidates.
func nearest(word string, candidates iter.Seq[string]) string {
	best, least := "", 1+len(word)/3 // one edit for three letters
	d := distance{from: strings.ToLower(word)}
	for c := range candidates {
		n := d.to(strings.ToLower(c), least)
		if n < least || n == least && best != "" && c < best {
			best, least = c, n
		}
	}
	return best
}

// distance counts the edits from a word to others: insertions, deletions,
// replacements and swaps of neighbours.
type distance struct {
	from string
	rows [3][]int
}

// to returns the distance, or something greater than most.
func (d *distance) to(word string, most int) int {
	a, b := d.from, word
	if len(a)-len(b) > most || len(b)-len(a) > most {
		return most + 1
	}
	for i := range d.rows {
		d.rows[i] = slices.Grow(d.rows[i][:0], len(b)+1)[:len(b)+1]
	}
	before, last, row := d.rows[0], d.rows[1], d.rows[2]
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		least := i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
			least = min(least, row[j])
		}
		if least > most {
			return most + 1
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}

// didYouMean is appended to a message about a word that is not known.
func didYouMean(word string, candidates iter.Seq[string]) string {
	if n := nearest(word, candidates); n != "" {
		return fmt.Sprintf(" (did you mean %s?)", n)
	}
	return ""
}

// list names some words, for hints: a, b and c.
func list(words []string) string {
	const most = 12
	if len(words) > most {
		return strings.Join(words[:most], ", ") + " …"
	}
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:len(words)-1], ", ") + " and " + words[len(words)-1]
}

func names(parameters []Parameter) iter.Seq[string] {
	return func(yield func(string) bool) {
		for _, p := range parameters {
			if !yield(p.Name) {
				return
			}
		}
	}
}
