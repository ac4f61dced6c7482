//go:build limits

package prompt

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

// The largest files are merged in seconds, whatever is in them.
func TestLimitMergeLargeFiles(t *testing.T) {
	fill := func(line func(i int) string) string {
		var b strings.Builder
		for i := 0; ; i++ {
			l := line(i)
			if b.Len()+len(l) > MaxFileSize-100_000 {
				return b.String()
			}
			b.WriteString(l)
		}
	}
	for name, line := range map[string]func(i int) string{
		"keys":     func(i int) string { return fmt.Sprintf("k%d: %d # c\n", i, i) },
		"comments": func(i int) string { return fmt.Sprintf("# c%d\n", i) },
		"items":    func(i int) string { return fmt.Sprintf("- a%d\n", i) },
		"equal":    func(int) string { return "- a\n" },
		"maps":     func(i int) string { return fmt.Sprintf("- {role: user, content: c%d}\n", i) },
		"text":     func(i int) string { return fmt.Sprintf("  line %d\n", i%7) },
		"flow":     func(i int) string { return fmt.Sprintf("a%d, ", i) },
		"quoted":   func(i int) string { return fmt.Sprintf("  # line %d\n", i) },
	} {
		t.Run(name, func(t *testing.T) {
			body := fill(line)
			before, after := "", "z: 1\n"
			switch name {
			case "items", "equal", "maps":
				before = "messages:\n"
			case "text":
				before = "template: |\n"
			case "flow":
				before, after = "tags: [", "a]\nz: 1\n"
			case "quoted":
				before, after = "template: \"\n", "  \"\nz: 1\n"
			}
			base := []byte(before + body + after)
			r := rand.New(rand.NewPCG(1, 2))
			edit := func() []byte {
				lines := bytes.SplitAfter(base, []byte("\n"))
				for range 300 {
					if at := 1 + r.IntN(len(lines)); at < len(lines)-3 {
						lines[at], lines[at+1] = lines[at+1], lines[at]
						lines[at] = bytes.Replace(lines[at], []byte("c"), []byte("d"), 1)
					}
				}
				return bytes.Replace(bytes.Join(lines, nil), []byte("z: 1"), []byte(fmt.Sprintf("z: %d", r.IntN(100))), 1)
			}
			start := time.Now()
			Merge(base, edit(), edit())
			Merge(nil, edit(), edit())
			Merge(base, []byte("a: 1\n"), edit())
			if took := time.Since(start); took > 10*time.Second {
				t.Errorf("it took %v", took)
			} else {
				t.Log(took)
			}
		})
	}
}
