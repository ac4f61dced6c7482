package liquid

import (
	"iter"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

const (
	maxMessage    = 300  // characters
	maxCandidates = 1000 // names among which the nearest is looked for
)

// visible is a message that may quote a template or a value: what does not print, and what turns the direction of
// text, is escaped as in a Go string, and it is not longer than a message should be.
func visible(message string) string {
	if len(message) <= maxMessage && strings.IndexFunc(message, unprintable) < 0 {
		return message
	}
	var b strings.Builder
	count := 0
	for _, r := range message {
		if count++; count > maxMessage {
			b.WriteString("…")
			break
		}
		if unprintable(r) {
			quoted := strconv.QuoteRune(r)
			b.WriteString(quoted[1 : len(quoted)-1])
			continue
		}
		b.WriteRune(r)
	}
	return b.String()
}

func unprintable(r rune) bool { return !unicode.IsPrint(r) }

// nearestHint asks whether the known name that is nearest was meant.
func nearestHint(name string, known []string) string {
	if best := nearestName(name, slices.Values(known)); best != "" {
		return "did you mean " + best + "?"
	}
	return ""
}

// nearestName returns the known name that was probably meant, or "". Their order does not matter.
func nearestName(name string, known ...iter.Seq[string]) string {
	best, distance, seen := "", 3, 0
	for _, names := range known {
		for k := range names {
			if seen++; seen > maxCandidates {
				return ""
			}
			d := editDistance(name, k, distance+1)
			if d < max(len(name), len(k))/2+1 && (d < distance || d == distance && best != "" && k < best) {
				best, distance = k, d
			}
		}
	}
	return visible(best)
}

// editDistance counts the letters to change, add, leave out or swap, up to a limit.
func editDistance(a, b string, limit int) int {
	if max(len(a), len(b))-min(len(a), len(b)) >= limit || len(a) > 64 {
		return limit
	}
	rows := make([][]int, len(a)+1)
	for i := range rows {
		rows[i] = make([]int, len(b)+1)
		rows[i][0] = i
	}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			rows[i][j] = min(rows[i-1][j]+1, rows[i][j-1]+1, rows[i-1][j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				rows[i][j] = min(rows[i][j], rows[i-2][j-2]+1)
			}
		}
	}
	return rows[len(a)][len(b)]
}
