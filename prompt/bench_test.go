package prompt

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/anvilpeering/anvil/prompt/liquid"
)

// library makes n prompts of about 2 KB in sets of fifty, each with a partial of
// its set and a common one, and a test.
func library(n int) map[string][]byte {
	world := map[string][]byte{
		"anvil.yaml":              []byte("organisation: acme\nformat: 1\n"),
		"shared/project.yaml":     []byte("name: Shared\n"),
		"shared/voice/set.yaml":   []byte("version: 1.4.0\n"),
		"shared/voice/_tone.yaml": []byte("parameters:\n  formality: {type: string, default: low}\ntemplate: |-\n  Be {{ formality }}.\n"),
	}
	prose := strings.Repeat("      You sort tickets, and you answer with one word and nothing else.\n", 16)
	for i := range n {
		project, set := fmt.Sprintf("project-%d", i/2000), fmt.Sprintf("set-%d", i/50)
		folder := project + "/" + set
		if i%2000 == 0 {
			world[project+"/project.yaml"] = []byte("name: A project\n")
		}
		if i%50 == 0 {
			world[folder+"/set.yaml"] = []byte("version: 0.1.0\ndependencies: {shared/voice: ^1.2}\n")
			world[folder+"/_rules.yaml"] = []byte("template: |-\n  Never say never.\n")
		}
		world[fmt.Sprintf("%s/prompt-%d.yaml", folder, i)] = fmt.Appendf(nil, `name: Classify a ticket %d
description: Picks one queue for a customer's message.
tags: [support]
model: openai/gpt-4.1-mini
modelParameters: {temperature: 0}
parameters:
  message:  {type: string, maxLength: 8000}
  language: {type: string, enum: [en, de, fr], default: en}
  queues:   {type: array, items: {type: string}, default: [billing, other]}
  history:  {type: messages, default: []}
messages:
  - role: system
    content: |
%s      Tickets are written in {{ language }}.
      {%% for queue in queues %%}
      - {{ queue | capitalize }}
      {%% endfor %%}
      {%% render "_rules" %%}
      {%% render "shared/voice/_tone", formality: "high" %%}
  - insert: history
  - role: user
    content: "{{ message }}"
tests:
  - with: {message: "Hallo?", language: de}
    expect: {contains: ["written in de", Billing]}
`, i, prose)
	}
	return world
}

func BenchmarkParse(b *testing.B) {
	for _, n := range []int{1_000, 10_000} {
		world := library(n)
		for name, o := range map[string]Options{"check": {}, "compile": {CompileOnly: true}} {
			b.Run(fmt.Sprintf("%s/%d", name, n), func(b *testing.B) {
				before := heap()
				var tree *Tree
				for b.Loop() {
					tree = Parse(files(world), o)
				}
				b.StopTimer()
				if p := tree.Problems(); len(p) > 0 {
					b.Fatal(p[0])
				}
				b.ReportMetric(heap()-before, "MB-heap")
				runtime.KeepAlive(tree)
			})
		}
	}
}

// heap is what is in use, in megabytes.
func heap() float64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc) / (1 << 20)
}

// Two revisions of 10,000 prompts are compared, that share all but one.
func BenchmarkBreaking(b *testing.B) {
	world := library(10_000)
	tree := Parse(files(world), Options{})
	path := "project-1/set-60/prompt-3001.yaml"
	next := tree.With(Change{Path: path, Content: append([]byte("# changed\n"), world[path]...)})
	for b.Loop() {
		if breaks := Breaking(tree, next); len(breaks) > 0 {
			b.Fatal(breaks)
		}
	}
}

func BenchmarkWith(b *testing.B) {
	world := library(10_000)
	tree := Parse(files(world), Options{})
	path := "project-1/set-60/prompt-3001.yaml"
	other := append([]byte("# changed\n"), world[path]...)
	for b.Loop() {
		next := tree.With(Change{Path: path, Content: other})
		if p := Introduced(tree, next); len(p) > 0 {
			b.Fatal(p)
		}
	}
}

func BenchmarkLookup(b *testing.B) {
	tree := Parse(files(library(10_000)), Options{CompileOnly: true})
	a := Address{"project-1", "set-60", "prompt-3001"}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := tree.Lookup(a); err != nil {
			b.Fatal(err)
		}
	}
}

// The bare engine does as much as a rendering does below the checks of the
// arguments: the goal is to stay within 1.2 times of it.
func BenchmarkRender(b *testing.B) {
	tree := Parse(files(library(50)), Options{CompileOnly: true})
	p, err := tree.Lookup(Address{"project-0", "set-0", "prompt-7"})
	if err != nil {
		b.Fatal(err)
	}
	args := Args{"message": "Hello?", "history": []Message{{"user", "Hi"}, {"assistant", "Hi!"}}}
	b.Run("prompt", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := p.Render(context.Background(), args); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("bare", func(b *testing.B) {
		vars, _, err := p.bind(args)
		if err != nil {
			b.Fatal(err)
		}
		b.ReportAllocs()
		for b.Loop() {
			for i := range p.scopes {
				s := &p.scopes[i]
				if s.part.text == nil {
					continue
				}
				if _, err := s.part.text.template().Render(context.Background(), vars, s, liquid.Budget{}); err != nil {
					b.Fatal(err)
				}
			}
		}
	})
}
