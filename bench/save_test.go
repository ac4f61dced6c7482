package bench

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/anvilpeering/anvil/client"
)

// BenchmarkSaveToClient is the whole way on one machine: from a save in an
// editor until an application renders the new text. One iteration is one save;
// p50 and p99 are over all of them.
func BenchmarkSaveToClient(b *testing.B) {
	for _, prompts := range []int{1_000, 10_000} {
		for _, way := range []struct {
			name string
			save func(path string, text []byte) error
		}{{"atomic", saveAtomic}, {"in-place", saveInPlace}} {
			b.Run(fmt.Sprintf("%d/%s", prompts, way.name), func(b *testing.B) {
				s := serve(b, prompts)
				c, err := client.Open(context.Background(), s.options(s.token()))
				if err != nil {
					b.Fatal(err)
				}
				defer c.Close()
				path := filepath.Join(s.dir, filepath.FromSlash(Address(7))+".yaml")
				text, n := string(Prompt(7)), 0
				var times []time.Duration
				for b.Loop() {
					// A project is released at most once a second: each save
					// is a first one.
					b.StopTimer()
					time.Sleep(1100 * time.Millisecond)
					b.StartTimer()
					n++
					changed := remark(text, n)
					begin := time.Now()
					if err := way.save(path, []byte(changed)); err != nil {
						b.Fatal(err)
					}
					for marker(rendered(b, c)) != marker(changed) {
						select {
						case <-c.Changes():
						case <-time.After(10 * time.Second):
							b.Fatalf("the save did not arrive: %+v\n%s", c.Status(), s.output)
						}
					}
					times = append(times, time.Since(begin))
				}
				slices.Sort(times)
				b.ReportMetric(float64(times[len(times)/2].Microseconds())/1000, "p50-ms")
				b.ReportMetric(float64(times[len(times)*99/100].Microseconds())/1000, "p99-ms")
			})
		}
	}
}

func rendered(b *testing.B, c *client.Client) string {
	r, err := c.Render(Address(7), client.Args{"message": "Hello"})
	if err != nil {
		b.Fatal(err)
	}
	return r.Text()
}

func saveInPlace(path string, text []byte) error { return os.WriteFile(path, text, 0o644) }

func saveAtomic(path string, text []byte) error {
	beside := path + ".new"
	if err := os.WriteFile(beside, text, 0o644); err != nil {
		return err
	}
	return os.Rename(beside, path)
}
