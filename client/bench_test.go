package client

import (
	"bytes"
	"fmt"
	"io/fs"
	"runtime"
	"testing"
	"testing/fstest"
	"time"

	"github.com/anvilpeering/anvil/protocol"
)

// large is a project of n prompts in the size and shape of a real one.
func large(n int) map[string]string {
	files := map[string]string{"support/project.yaml": "name: Support\n"}
	for i := range n {
		var b bytes.Buffer
		fmt.Fprintf(&b, "name: Prompt %d\ndescription: Picks one queue.\nparameters:\n  message: {type: string, maxLength: 8000}\n  language: {type: string, enum: [en, de, fr], default: en}\nmessages:\n  - role: system\n    content: |\n", i)
		for line := 0; b.Len() < 900; line++ {
			fmt.Fprintf(&b, "      You sort tickets of kind %d written in {{ language }}, rule %d.\n", i, line)
		}
		b.WriteString("  - role: user\n    content: \"{{ message }}\"\n")
		files[fmt.Sprintf("support/set%03d/prompt%05d.yaml", i/100, i)] = b.String()
	}
	files[classify+".yaml"] = library("Hello")[classify+".yaml"]
	files["shared/voice/_tone.yaml"] = library("")["shared/voice/_tone.yaml"]
	return files
}

func embeddedOf(t testing.TB, files map[string]string) fs.FS {
	return fstest.MapFS{"release.anvil.zip": {Data: zipOf(t, signed(t, "acme", files))}}
}

func BenchmarkLookup(b *testing.B) {
	o := newChannel(b).options(b)
	o.URLs, o.Frozen, o.Cache, o.Embedded = nil, true, NoCache, embeddedOf(b, large(10_000))
	s := open(b, o).Snapshot()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.Prompt(classify); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkRender(b *testing.B) {
	o := newChannel(b).options(b)
	o.URLs, o.Frozen, o.Cache, o.Embedded = nil, true, NoCache, embeddedOf(b, library("Hello"))
	c := open(b, o)
	args := Args{"message": "Hi"}
	b.Run("client", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := c.Render(classify, args); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("prompt alone", func(b *testing.B) {
		p, err := c.Snapshot().Prompt(classify)
		if err != nil {
			b.Fatal(err)
		}
		b.ReportAllocs()
		for b.Loop() {
			if _, err := p.Prompt.Render(b.Context(), args); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkFullSync is the first start of a client of 10,000 prompts: fetched,
// verified, compiled and kept on disk.
func BenchmarkFullSync(b *testing.B) {
	ch := newChannel(b)
	ch.release(large(10_000))
	for b.Loop() {
		o := ch.options(b)
		o.StartTimeout = time.Minute
		c := open(b, o)
		b.StopTimer()
		_ = c.Close()
		b.StartTimer()
	}
}

// BenchmarkDelta is five changes to 10,000 prompts, as far as the first render
// with them.
func BenchmarkDelta(b *testing.B) {
	for _, cache := range []string{NoCache, ""} {
		b.Run(map[string]string{NoCache: "memory", "": "disk"}[cache], func(b *testing.B) {
			ch := newChannel(b)
			files := large(10_000)
			ch.release(files)
			o := ch.options(b)
			o.Frozen, o.StartTimeout = true, time.Minute
			if cache != "" {
				o.Cache = cache
			}
			c := open(b, o)
			f := c.follower
			for i := 0; b.Loop(); i++ {
				b.StopTimer()
				for j := range 5 {
					files[fmt.Sprintf("support/set%03d/prompt%05d.yaml", j, 100*j)] = fmt.Sprintf("template: change %d\n", i)
				}
				id := ch.release(files)
				before := c.Snapshot()
				got, err := f.server.fetch(b.Context(), id, before.Release(), f.allow)
				if err != nil || got.mode != protocol.ModeDelta {
					b.Fatal(got, err)
				}
				b.StartTimer()
				opened, err := f.open(got, before, new(protocol.Acknowledgement))
				if err != nil {
					b.Fatal(err)
				}
				snap, err := f.prepare(opened, before, id, SourceMemory, opened.Manifest.Created, opened.Manifest.Created)
				if err != nil {
					b.Fatal(err)
				}
				f.keep(snap)
				c.swap(before, snap)
				if _, err := c.Render(classify, Args{"message": "Hi"}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkColdStart is from the disk to the first render.
func BenchmarkColdStart(b *testing.B) {
	ch := newChannel(b)
	ch.release(large(10_000))
	o := ch.options(b)
	o.StartTimeout = time.Minute
	_ = open(b, o).Close()
	o.URLs, o.Frozen = nil, true
	for b.Loop() {
		c := open(b, o)
		if _, err := c.Render(classify, Args{"message": "Hi"}); err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		_ = c.Close()
		b.StartTimer()
	}
}

func BenchmarkMemory(b *testing.B) {
	var before, after runtime.MemStats
	embedded := embeddedOf(b, large(10_000))
	for b.Loop() {
		runtime.GC()
		runtime.ReadMemStats(&before)
		o := newChannel(b).options(b)
		o.URLs, o.Frozen, o.Cache, o.Embedded = nil, true, NoCache, embedded
		c := open(b, o)
		runtime.GC()
		runtime.ReadMemStats(&after)
		b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/(1<<20), "MiB/10k-prompts")
		runtime.KeepAlive(c)
	}
}

// A lookup must not allocate, whatever the machine.
func TestLookupDoesNotAllocate(t *testing.T) {
	o := newChannel(t).options(t)
	o.URLs, o.Frozen, o.Cache, o.Embedded = nil, true, NoCache, embeddedOf(t, library("Hello"))
	s := open(t, o).Snapshot()
	if n := testing.AllocsPerRun(100, func() {
		if _, err := s.Prompt(classify); err != nil {
			t.Fatal(err)
		}
	}); n > 0 {
		t.Errorf("%v allocations", n)
	}
}
