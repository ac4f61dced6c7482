package prompt

import (
	"context"
	"fmt"
	"testing"
)

func TestSmoke(t *testing.T) {
	tree := Parse(func(yield func(string, []byte) bool) {
		for p, c := range map[string]string{
			"anvil.yaml":              "organisation: acme\nformat: 1\n",
			"support/project.yaml":    "name: Support\n",
			"shared/project.yaml":     "name: Shared\n",
			"shared/voice/_tone.yaml": "parameters:\n  formality: {type: string}\n  style: {type: string, default: warm}\ntemplate: |\n  Be {{ formality }} and {{ style }}.\n  {% render \"_end\" %}\n",
			"shared/voice/_end.yaml":  "template: The end.\n",
			"support/triage/classify.yaml": `name: Classify a ticket
description: Picks one queue for a customer's message.
tags: [support]
model: openai/gpt-4.1-mini          # opaque to Anvil, handed to the caller
modelParameters: {temperature: 0}   # free JSON: response formats and tools go here
parameters:
  message:  {type: string, required: true, maxLength: 8000}
  language: {type: string, enum: [en, de, fr], default: en}
  history:  {type: messages, default: []}
messages:                            # or one
  - role: system
    content: |
      You sort tickets written in {{ language }}.
      {% render "shared/voice/_tone", formality: "high" %}
  - insert: history                  # the caller's messages, spliced in and never re-rendered
  - role: user
    content: "{{ message }}"
tests:
  - with: {message: "Hallo?", language: de}
    expect: {contains: ["written in de"]}
metadata: {ticket: SUP-12}           # free; any x-* key is kept as it is
`,
		} {
			if !yield(p, []byte(c)) {
				return
			}
		}
	}, Options{})
	for _, p := range tree.Problems() {
		t.Error(p, p.Hint)
	}
	p, err := tree.Lookup(Address{"support", "triage", "classify"})
	if err != nil {
		t.Fatal(err)
	}
	r, err := p.Render(context.Background(), Args{"message": "Hallo {{ x }}", "history": []Message{{"user", "hi"}}})
	fmt.Printf("%+v %v\n", r, err)
	fmt.Println(tree.Released("support"))
}
