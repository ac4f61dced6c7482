//go:build bench && linux

package bench

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"text/tabwriter"
	"time"
)

func timed(f func()) time.Duration {
	start := time.Now()
	f()
	return time.Since(start)
}

// median runs f some times. A table takes the middle one, which a busy machine
// disturbs less than the mean.
func median(rounds int, f func()) []time.Duration {
	var times []time.Duration
	for range rounds {
		times = append(times, timed(f))
	}
	return times
}

func middle(times []time.Duration) time.Duration {
	slices.Sort(times)
	return times[len(times)/2]
}

// table collects rows and prints them aligned.
type table struct {
	t       *testing.T
	prompts string
	lines   []string
}

func (o *table) at(prompts int) {
	if o.prompts = fmt.Sprint(prompts); prompts == 0 {
		o.prompts = "any"
	}
}

func (o *table) line(cells ...string) {
	o.lines = append(o.lines, strings.Join(append([]string{o.prompts}, cells...), "\t"))
	fmt.Fprintln(os.Stderr, strings.Join(append([]string{o.prompts}, cells...), "  "))
}

func (o *table) row(work string, own, git []time.Duration) {
	cells := []string{work, "", "", ""}
	if own != nil {
		cells[1] = short(middle(own))
	}
	if git != nil {
		cells[2] = short(middle(git))
	}
	if own != nil && git != nil {
		cells[3] = fmt.Sprintf("%.1fx", float64(middle(git))/float64(middle(own)))
	}
	o.line(cells...)
}

func (o *table) memory(work string, own, git int64) {
	o.line(work, size(own), size(git), fmt.Sprintf("%.1fx", float64(git)/float64(own)))
}

func (o *table) note(work, value string) { o.line(work, value, "", "") }

func (o *table) print() {
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	defer w.Flush()
	fmt.Fprintln(w, "prompts\twork\tAnvil\tgit\tfaster")
	for _, line := range o.lines {
		fmt.Fprintln(w, line)
	}
}

func short(d time.Duration) string {
	switch {
	case d < time.Millisecond:
		return fmt.Sprintf("%.3f ms", float64(d.Microseconds())/1000)
	case d < time.Second:
		return fmt.Sprintf("%.1f ms", float64(d.Microseconds())/1000)
	}
	return fmt.Sprintf("%.2f s", d.Seconds())
}

func size(bytes int64) string { return fmt.Sprintf("%.1f MB", float64(bytes)/1e6) }

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
