// Package bench measures the whole: a generated organisation of any size, the
// real binary, real clients. Its tests hold the time limits (build tag limits)
// and the short forms of long runs (build tag soak).
package bench

import (
	"fmt"
	"os"
	"path/filepath"
)

// promptsASet is how many prompts a generated set has.
const promptsASet = 50

// Project is the one project of a generated organisation: a client that follows
// it holds every prompt.
const Project = "project"

const (
	promptPattern = `name: Prompt %[1]d
description: Generated prompt number %[1]d, of an ordinary size.
tags: [generated, group-%[2]d]
model: openai/gpt-4.1-mini
modelParameters: {temperature: 0.2, max_tokens: 600}
parameters:
  message: {type: string, required: true, maxLength: 8000}
  language: {type: string, enum: [en, de, fr, ja], default: en}
  items: {type: array, items: {type: string}, default: []}
  history: {type: messages, default: []}
messages:
  - role: system
    content: |
      You are assistant number %[1]d of a shop that sells outdoor gear, and answer in {{ language }}.
      {%% render "_tone", formality: "high" %%}
      {%% if items.size > 0 -%%}
      Consider, in this order:
      {%%- for item in items %%}
      {{ forloop.index }}. {{ item }}
      {%%- endfor %%}
      {%%- endif %%}
      Use only what stands in this conversation and in the material you were given. When something is missing, say
      what is missing. Never invent an order number, a price, a date or a policy. Prefer short words and short
      sentences, one thought each, and stop when the question is answered.
  - insert: history
  - role: user
    content: "{{ message }}"
tests:
  - with: {message: Hello}
    expect: {contains: [Hello, "number %[1]d"]}
metadata: {owner: team-%[2]d, ticket: GEN-%[1]d}
`
	tonePattern = `name: Tone
parameters:
  formality: {type: string, enum: [low, high], default: low}
template: |
  {%- if formality == "high" -%}
  Write politely and precisely.
  {%- else -%}
  Write as to a friend.
  {%- endif %}
`
)

// Address is the address of a generated prompt.
func Address(n int) string {
	return fmt.Sprintf("%s/set-%04d/prompt-%06d", Project, n/promptsASet, n)
}

// Prompt is the text of a generated prompt.
func Prompt(n int) []byte { return fmt.Appendf(nil, promptPattern, n, n%7) }

// Write writes an organisation of so many prompts into a folder.
func Write(dir string, prompts int) error {
	write := func(path string, content []byte) error {
		at := filepath.Join(dir, filepath.FromSlash(path))
		if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
			return err
		}
		return os.WriteFile(at, content, 0o644)
	}
	if err := write("anvil.yaml", []byte("organisation: generated\nformat: 1\n")); err != nil {
		return err
	}
	if err := write(Project+"/project.yaml", []byte("name: Generated\n")); err != nil {
		return err
	}
	for n := range prompts {
		address := Address(n)
		set := filepath.ToSlash(filepath.Dir(address))
		if n%promptsASet == 0 {
			if err := write(set+"/_tone.yaml", []byte(tonePattern)); err != nil {
				return err
			}
		}
		if err := write(address+".yaml", Prompt(n)); err != nil {
			return err
		}
	}
	return nil
}
