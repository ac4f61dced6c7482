package gitstore

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// These are for a profiler; beside the git command line, in one table, stands
// the package in bench/gitstore_table_test.go. ANVIL_BENCH_SIZES chooses how many
// prompts: 1000,10000,100000.
func benchSizes() []int {
	var sizes []int
	for s := range strings.SplitSeq(os.Getenv("ANVIL_BENCH_SIZES"), ",") {
		if n, err := strconv.Atoi(s); err == nil {
			sizes = append(sizes, n)
		}
	}
	if sizes == nil {
		sizes = []int{1000, 10000}
	}
	return sizes
}

// library is a work tree of n prompts, five to a set and a thousand sets to a
// project at most, packed and checked out.
func library(b *testing.B, n int) *work {
	b.Helper()
	w := newWork(b)
	var in strings.Builder
	in.WriteString("commit refs/heads/main\ncommitter Ada <ada@example.org> 1700000000 +0000\ndata 1\nm\n")
	for i := range n {
		content := promptText(i, 0)
		fmt.Fprintf(&in, "M 100644 inline %s\ndata %d\n%s\n", promptPath(i), len(content), content)
	}
	w.input(in.String(), "fast-import", "--quiet", "--force")
	w.git("reset", "-q", "--hard")
	w.git("repack", "-q", "-a", "-d")
	w.open()
	return w
}

func promptPath(i int) string {
	return fmt.Sprintf("demo-%02d/set-%03d/prompt-%d.yaml", i/5000, i/5%1000, i%5)
}

func promptText(i, version int) string {
	return fmt.Sprintf("name: Prompt %d\ndescription: version %d\ntemplate: |\n%s", i, version, strings.Repeat(fmt.Sprintf("  line %d of the text\n", i), 60))
}

// save rewrites a prompt in the work tree.
func (w *work) save(i, version int) Edit {
	path := promptPath(i)
	file := filepath.Join(w.dir, filepath.FromSlash(path))
	if err := os.WriteFile(file, []byte(promptText(i, version)), 0o666); err != nil {
		w.t.Fatal(err)
	}
	then := time.Now().Add(-time.Minute)
	if err := os.Chtimes(file, then, then); err != nil {
		w.t.Fatal(err)
	}
	return w.edit(path)
}

func BenchmarkCommit(b *testing.B) {
	for _, n := range benchSizes() {
		w := library(b, n)
		version := 0
		own := func(b *testing.B, sync bool, files int) {
			w.repo.disk.sync = sync
			defer func() { w.repo.disk.sync = false }()
			w.repo.readIndexAhead()
			var times []time.Duration
			for b.Loop() {
				b.StopTimer()
				version++
				c := NewCommit{Branch: "refs/heads/main", Tip: w.tip(), Message: "update", Author: ada}
				for i := range files {
					c.Edits = append(c.Edits, w.save((version*7919+i*31)%n, version))
				}
				b.StartTimer()
				start := time.Now()
				if _, err := w.repo.Commit(context.Background(), c); err != nil {
					b.Fatal(err)
				}
				times = append(times, time.Since(start))
			}
			reportMedian(b, times)
		}
		b.Run(fmt.Sprintf("prompts=%d/files=1/durable", n), func(b *testing.B) { own(b, true, 1) })
		b.Run(fmt.Sprintf("prompts=%d/files=1/as-git", n), func(b *testing.B) { own(b, false, 1) })
		b.Run(fmt.Sprintf("prompts=%d/files=1%%/durable", n), func(b *testing.B) { own(b, true, n/100) })
		w.clean()
	}
}

// reportMedian adds the median, which a busy machine disturbs less than the
// mean.
func reportMedian(b *testing.B, times []time.Duration) {
	slices.Sort(times)
	b.ReportMetric(float64(times[len(times)/2].Microseconds())/1000, "p50-ms")
}

// readIndexAhead warms what a running daemon has warm.
func (r *Repo) readIndexAhead() { _, _, _ = r.readIndex() }

func BenchmarkDiff(b *testing.B) {
	for _, n := range benchSizes() {
		w := library(b, n)
		for _, files := range []int{1, n / 100} {
			before := w.tip()
			c := NewCommit{Branch: "refs/heads/main", Tip: before, Message: "update", Author: ada}
			for i := range files {
				c.Edits = append(c.Edits, w.save(i*97%n, files))
			}
			after, err := w.repo.Commit(context.Background(), c)
			if err != nil {
				b.Fatal(err)
			}
			name := fmt.Sprintf("prompts=%d/files=%d/", n, files)
			check := func(b *testing.B) {
				changes, err := w.repo.Diff(before, after, "")
				if err != nil || len(changes) != files {
					b.Fatalf("%d changes, %v", len(changes), err)
				}
			}
			b.Run(name+"cold", func(b *testing.B) {
				for b.Loop() {
					b.StopTimer()
					w.open()
					b.StartTimer()
					check(b)
				}
			})
			b.Run(name+"warm", func(b *testing.B) {
				for b.Loop() {
					check(b)
				}
			})
		}
	}
}

func BenchmarkOpen(b *testing.B) {
	for _, n := range benchSizes() {
		w := library(b, n)
		b.Run(fmt.Sprintf("prompts=%d", n), func(b *testing.B) {
			for b.Loop() {
				repo, err := Open(w.dir, Options{Logger: quiet()})
				if err != nil {
					b.Fatal(err)
				}
				repo.Close()
			}
		})
	}
}

// Reading every blob of a commit, from a pack.
func BenchmarkRead(b *testing.B) {
	for _, n := range benchSizes() {
		w := library(b, n)
		tip := w.tip()
		b.Run(fmt.Sprintf("prompts=%d/own", n), func(b *testing.B) {
			for b.Loop() {
				for _, err := range w.contents(tip) {
					if err != nil {
						b.Fatal(err)
					}
				}
			}
		})
		b.Run(fmt.Sprintf("prompts=%d/git-archive", n), func(b *testing.B) {
			for b.Loop() {
				cmd := exec.Command("git", "archive", "--format=tar", "-o", os.DevNull, "HEAD")
				cmd.Dir = w.dir
				if out, err := cmd.CombinedOutput(); err != nil {
					b.Fatalf("git archive: %v: %s", err, out)
				}
			}
		})
	}
}

func BenchmarkBases(b *testing.B) {
	w := newWork(b)
	const length = 20000
	var in strings.Builder
	for i := range length {
		fmt.Fprintf(&in, "commit refs/heads/main\nmark :%d\ncommitter Ada <ada@example.org> %d +0000\ndata 1\nm\n", i+1, 1_700_000_000+i)
		fmt.Fprintf(&in, "M 100644 inline f\ndata <<E\n%d\nE\n\n", i)
	}
	for _, back := range []int{10, 1000, length - 1} {
		fmt.Fprintf(&in, "commit refs/heads/back%d\ncommitter Ada <ada@example.org> 1800000000 +0000\ndata 1\nm\nfrom :%d\nM 100644 inline g\ndata 1\nx\n\n", back, length-back)
	}
	w.input(in.String(), "fast-import", "--quiet", "--force")
	w.git("repack", "-q", "-a", "-d")
	w.open()
	main, err := w.repo.Resolve("main")
	if err != nil {
		b.Fatal(err)
	}
	for _, back := range []int{10, 1000, length - 1} {
		name := fmt.Sprintf("back%d", back)
		side, err := w.repo.Resolve(name)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				b.StopTimer()
				w.repo.objects.heads = newLRU[Hash, *Commit](commitCache)
				b.StartTimer()
				if bases, err := w.repo.Bases(main, side); err != nil || len(bases) != 1 {
					b.Fatalf("bases %v, %v", bases, err)
				}
			}
		})
	}
}

// The first commit of a folder: many new objects at once.
func BenchmarkImport(b *testing.B) {
	for _, n := range benchSizes() {
		fresh := func() *work {
			w := newWork(b)
			for i := range n {
				w.write(promptPath(i), promptText(i, 0))
			}
			return w
		}
		b.Run(fmt.Sprintf("prompts=%d/durable", n), func(b *testing.B) {
			for b.Loop() {
				b.StopTimer()
				w := fresh()
				w.repo.disk.sync = true
				c := NewCommit{Branch: "refs/heads/main", Message: "first", Author: ada}
				for i := range n {
					c.Edits = append(c.Edits, w.edit(promptPath(i)))
				}
				b.StartTimer()
				if _, err := w.repo.Commit(context.Background(), c); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
