package release

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// manyPrompts is an organisation with one project of n prompts of about 2 KB,
// released once. fsync is off (see openLog), so that the disk is not what is measured.
func manyPrompts(b *testing.B, n int) *house {
	b.Helper()
	h := newHouse(b)
	filler := strings.Repeat("  Sort the customer's message into one queue, and say nothing else.\n", 28)
	for i := range n {
		h.write(fmt.Sprintf("large/set-%03d/prompt-%02d.yaml", i/20, i%20), fmt.Sprintf("name: Prompt %d\ntemplate: |\n%s", i, filler))
	}
	h.write("large/project.yaml", "name: Large\n")
	h.commit("Many")
	began := time.Now()
	h.record(h.plan("large", Draft), "draft")
	b.Logf("first release of %d prompts: %v", n, time.Since(began).Round(time.Millisecond))
	return h
}

var sizes = []int{1_000, 10_000}

func BenchmarkOneFile(b *testing.B) {
	for _, n := range sizes {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			h := manyPrompts(b, n)
			var plan, record time.Duration
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				b.StopTimer()
				h.write("large/set-001/prompt-01.yaml", text(fmt.Sprint(i)))
				rev := h.commit("Edit")
				if _, err := h.log.lib.At(rev); err != nil { // what the daemon did already
					b.Fatal(err)
				}
				b.StartTimer()
				began := time.Now()
				p, err := h.log.Plan(b.Context(), "large", Draft, rev)
				if err != nil {
					b.Fatal(err)
				}
				plan += time.Since(began)
				began = time.Now()
				if _, err := h.log.Record(b.Context(), p, "draft"); err != nil {
					b.Fatal(err)
				}
				record += time.Since(began)
			}
			b.ReportMetric(float64(plan.Microseconds())/float64(b.N)/1000, "plan-ms/op")
			b.ReportMetric(float64(record.Microseconds())/float64(b.N)/1000, "record-ms/op")
		})
	}
}

func BenchmarkNeighbour(b *testing.B) {
	for _, n := range sizes {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			h := manyPrompts(b, n)
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				b.StopTimer()
				h.write("large/set-001/prompt-01.yaml", text(fmt.Sprint(i)))
				rev := h.commit("Edit")
				b.StartTimer()
				if _, err := h.log.lib.At(rev); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkArtefact(b *testing.B) {
	for _, n := range sizes {
		h := manyPrompts(b, n)
		first := h.log.Head("large", Draft)
		second := h.save("large/set-001/prompt-01.yaml", text("second"))
		for _, c := range []struct {
			mode string
			from *Release
		}{{ModeFull, nil}, {ModeDelta, first}} {
			b.Run(fmt.Sprintf("%s/%d", c.mode, n), func(b *testing.B) {
				b.ReportAllocs()
				size := 0
				for b.Loop() {
					h.log.artefacts = newArtefacts(cacheBytes)
					a, err := h.log.Artefact(b.Context(), second, c.from)
					if err != nil || a.Mode != c.mode {
						b.Fatalf("%s: %v", a.Mode, err)
					}
					size = len(a.Body)
				}
				b.ReportMetric(float64(size), "bytes")
			})
		}
		b.Run(fmt.Sprintf("kept/%d", n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := h.log.Artefact(b.Context(), second, first); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkAfterStart is the first record after a start, which derives all
// sums anew.
func BenchmarkAfterStart(b *testing.B) {
	for _, n := range sizes {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			h := manyPrompts(b, n)
			for i := 0; b.Loop(); i++ {
				b.StopTimer()
				h.write("large/set-001/prompt-01.yaml", text(fmt.Sprint(i)))
				rev := h.commit("Edit")
				h.open()
				if _, err := h.log.lib.At(rev); err != nil {
					b.Fatal(err)
				}
				b.StartTimer()
				h.record(h.plan("large", Draft), "draft")
			}
		})
	}
}
