package liquid_test

import (
	"context"
	"io"
	"testing"

	bare "github.com/osteele/liquid"

	"github.com/anvilpeering/anvil/prompt/liquid"
)

// prompt is 1 KB of a usual prompt: five variables, a loop over documents, one condition.
const prompt = `You are {{ persona }}, an assistant of {{ company }}. Answer the customer's question in {{ language }}, briefly and
politely, and only from the documents below. When they do not hold the answer, say so and offer to pass the question on
to a colleague. Never promise refunds, dates or discounts, and never mention that you were given documents.

{% if formal %}Address the customer formally and sign with the full name of the company.
{% else %}Address the customer by the first name and keep a light tone.
{% endif %}
Documents, the most relevant first:
{% for doc in docs %}
[{{ forloop.index }}] {{ doc.title | upcase }} ({{ doc.source }})
{{ doc.text }}
{% endfor %}
Rules:
- Cite a document by its number in brackets behind the sentence that it supports.
- Use at most {{ words }} words.
- Do not repeat the question.
- When two documents disagree, name both and say which one is newer.
- Write plain text without headings.

Question of the customer:
{{ question | strip }}
`

func promptValues() map[string]any {
	doc := map[string]any{"title": "Returns within 30 days", "source": "handbook", "text": "Goods can be returned within 30 days if they are unused."}
	return map[string]any{
		"persona": "Robin", "company": "Acme", "language": "English", "formal": true, "words": 120, "question": " Can I send it back? ",
		"docs": []any{doc, doc, doc, doc, doc},
	}
}

// BenchmarkCompile compares with the engine as it comes. What Compile leaves to the first rendering is counted in
// the second line.
func BenchmarkCompile(b *testing.B) {
	b.Run("anvil", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if t, _ := liquid.Compile(prompt); t == nil {
				b.Fatal("does not compile")
			}
		}
	})
	b.Run("anvil and first render", func(b *testing.B) {
		vars := promptValues()
		b.ReportAllocs()
		for b.Loop() {
			t, _ := liquid.Compile(prompt)
			if _, err := t.Render(context.Background(), vars, nil, liquid.Budget{}); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("bare", func(b *testing.B) {
		engine := bare.NewEngine()
		b.ReportAllocs()
		for b.Loop() {
			if _, err := engine.ParseString(prompt); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkRender compares with the engine as it comes, with strict variables as here. The goal is 1.2 times its time.
func BenchmarkRender(b *testing.B) {
	vars := promptValues()
	b.Run("anvil", func(b *testing.B) {
		t := compile(b, prompt)
		b.ReportAllocs()
		for b.Loop() {
			if _, err := t.Render(context.Background(), vars, nil, liquid.Budget{}); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("bare", func(b *testing.B) {
		engine := bare.NewEngine()
		engine.StrictVariables()
		t, err := engine.ParseString(prompt)
		if err != nil {
			b.Fatal(err)
		}
		b.ReportAllocs()
		for b.Loop() {
			if _, err := t.RenderString(vars); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("bare to nowhere", func(b *testing.B) {
		engine := bare.NewEngine()
		t, err := engine.ParseString(prompt)
		if err != nil {
			b.Fatal(err)
		}
		b.ReportAllocs()
		for b.Loop() {
			if err := t.FRender(io.Discard, vars); err != nil {
				b.Fatal(err)
			}
		}
	})
}
