package bundle

import (
	"bytes"
	"fmt"
	"io"
	"testing"
)

func BenchmarkWrite10k(b *testing.B) {
	bundle := release(b, at.Unix(), many(10_000))
	archive := written(b, bundle)
	b.ReportMetric(float64(len(archive)), "archive-bytes")
	for b.Loop() {
		if err := Write(io.Discard, bundle); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkRead10k(b *testing.B) {
	archive := written(b, release(b, at.Unix(), many(10_000)))
	e := expecting(b)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := read(archive, e); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkAssemble10k(b *testing.B) {
	bundle := release(b, at.Unix(), many(10_000))
	e, sums := expecting(b), bundle.Sums.Bytes()
	for b.Loop() {
		if _, err := Assemble(bundle.Raw, bundle.Signature, sums, bundle.Content, e); err != nil {
			b.Fatal(err)
		}
	}
}

// fiveChanges returns a release of 10k files and the next one.
func fiveChanges(b *testing.B) (from, to *Bundle) {
	content := many(10_000)
	with := map[string][]byte{}
	for i := range 5 {
		with[fmt.Sprintf("content/project%02d/set%03d/prompt%05d.yaml", i*1000%10, i*1000/100, i*1000)] = fmt.Appendf(nil, "template: changed %d\n", i)
	}
	return release(b, at.Unix()-1, content), release(b, at.Unix(), changed(content, with))
}

func BenchmarkDeltaWrite5Of10k(b *testing.B) {
	from, to := fiveChanges(b)
	b.ReportMetric(float64(len(deltaOf(b, from, to))), "delta-bytes")
	for b.Loop() {
		if err := WriteDelta(io.Discard, from, to); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDeltaApply5Of10k(b *testing.B) {
	from, to := fiveChanges(b)
	e := expecting(b)
	base := accepted(b, written(b, from), e)
	delta := deltaOf(b, from, to)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ReadDelta(bytes.NewReader(delta), int64(len(delta)), base, e); err != nil {
			b.Fatal(err)
		}
	}
}
