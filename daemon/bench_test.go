package daemon_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/anvilpeering/anvil/daemon"
	"github.com/anvilpeering/anvil/gitstore"
	"github.com/anvilpeering/anvil/library"
)

// BenchmarkSave measures from the last call of an editor to the durable commit,
// with a real watcher and the default durations.
func BenchmarkSave(b *testing.B) {
	for _, prompts := range []int{1000, 10000} {
		b.Run(fmt.Sprint(prompts), func(b *testing.B) {
			dir := b.TempDir()
			repo, err := gitstore.Create(dir, gitstore.Options{})
			if err != nil {
				b.Fatal(err)
			}
			defer repo.Close()
			write := func(path, content string) string {
				name := filepath.Join(dir, path)
				if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
					b.Fatal(err)
				}
				if err := os.WriteFile(name, []byte(content), 0o666); err != nil {
					b.Fatal(err)
				}
				return name
			}
			write("anvil.yaml", "organisation: acme\nformat: 1\n")
			for i := range prompts {
				project := fmt.Sprintf("project%02d", i%10)
				write(project+"/project.yaml", "name: Project\n")
				write(fmt.Sprintf("%s/first%02d/p%05d.yaml", project, i/10%20, i), good(fmt.Sprint(i)))
			}
			committed := make(chan daemon.Event, 100)
			d, err := daemon.Open(daemon.Options{
				Root: dir, Repo: repo, Library: library.Open(repo, "", library.Options{}),
				OnEvent: func(e daemon.Event) {
					if e.Kind == daemon.EventCommitted {
						committed <- e
					}
				},
			})
			if err != nil {
				b.Fatal(err)
			}
			ctx, cancel := context.WithCancel(context.Background())
			done := make(chan error)
			go func() { done <- d.Run(ctx) }()
			<-committed
			for !d.Status().Ready || d.Status().Waiting > 0 {
				time.Sleep(10 * time.Millisecond)
			}
			time.Sleep(1500 * time.Millisecond)
			var took []time.Duration
			for i := 0; b.Loop(); i++ {
				path := fmt.Sprintf("project%02d/first00/p%05d.yaml", i%10, i%10)
				name := write(path+".new", good(fmt.Sprint("save ", i)))
				start := time.Now()
				if err := os.Rename(name, filepath.Join(dir, path)); err != nil {
					b.Fatal(err)
				}
				<-committed
				took = append(took, time.Since(start))
				time.Sleep(100 * time.Millisecond)
			}
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "p50-ms")
			b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "p99-ms")
			cancel()
			if err := <-done; err != nil {
				b.Fatal(err)
			}
		})
	}
}
