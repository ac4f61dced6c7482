package prompt

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// reader decodes one file and collects what is wrong with it.
type reader struct {
	path        string
	compileOnly bool
	source      source
	problems    []Problem
	broken      bool // one of them keeps the prompt from being rendered
	patterns    int  // what the patterns cost so far
	undeclared  bool // what the file declares is below a misspelled key
}

// report adds a problem, unless nobody asked for its rule.
func (r *reader) report(line, col int, id, message, hint string) {
	lint := rules[id].lint
	if lint && r.compileOnly || r.full() && (lint || r.broken) {
		return
	}
	r.broken = r.broken || !lint
	r.problems = append(r.problems, Problem{Path: r.path, Line: line, Col: col, Rule: id, Message: oneLine(message), Hint: oneLine(hint)})
}

// oneLine keeps a text that quotes a file to one line of a length that people
// read.
func oneLine(s string) string {
	return clip(strings.Map(func(c rune) rune {
		if unicode.IsControl(c) || c == '\u2028' || c == '\u2029' {
			return ' '
		}
		return c
	}, s), 1000)
}

// maxProblems bounds what is said about one file: nobody reads more, and a
// hostile file must not keep the checker busy.
const maxProblems = 100

// full reports whether there is nothing more to say.
func (r *reader) full() bool { return len(r.problems) >= maxProblems }

// at reports a problem at a node.
func (r *reader) at(n *yaml.Node, id, message, hint string) {
	r.report(n.Line, n.Column, id, message, hint)
}

// Words that other formats use for what Anvil calls otherwise.
var synonyms = map[string]string{
	"arguments": "parameters", "inputs": "parameters", "input_variables": "parameters", "variables": "parameters", "vars": "parameters", "input": "parameters",
	"prompt": "template", "text": "template", "body": "template", "system": "messages", "conversation": "messages",
	"config": "modelParameters", "model_parameters": "modelParameters", "options": "modelParameters", "settings": "modelParameters",
	"testData": "tests", "evaluators": "tests", "title": "name", "labels": "tags",
	"min": "minimum", "max": "maximum", "min_length": "minLength", "max_length": "maxLength", "optional": "required", "values": "enum", "regex": "pattern",
	"inputs_from": "insert", "placeholder": "insert", "text_content": "content",
}

// object is a mapping that is being decoded.
type object struct {
	*reader
	node  *yaml.Node
	what  string   // "a parameter", for messages
	size  int      // how many of its keys are known
	meant []string // keys that are misspelled: they are not reported as missing, too
}

// object begins to decode a mapping: keys that are not known are reported, with
// the nearest. extra allows x-* keys.
func (r *reader) object(n *yaml.Node, what string, extra bool, known ...string) *object {
	if n.Kind != yaml.MappingNode {
		r.wrongType(n, what, "keys and values")
		return nil
	}
	o := &object{reader: r, node: n, what: what}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i]
		if key.Kind != yaml.ScalarNode {
			r.notText(key, "a key")
			continue
		}
		if !slices.Contains(known, key.Value) && (!extra || !strings.HasPrefix(key.Value, "x-")) {
			if meant := r.unknownKey(key, what, known, extra); meant != "" {
				o.meant = append(o.meant, meant)
			}
			continue
		}
		o.size++
	}
	return o
}

// find returns a key and its value, nil when the mapping has no such key.
func (o *object) find(name string) (key, value *yaml.Node) {
	for i := 0; i+1 < len(o.node.Content); i += 2 {
		if key := o.node.Content[i]; key.Value == name && key.Kind == yaml.ScalarNode {
			return key, o.node.Content[i+1]
		}
	}
	return nil, nil
}

func (o *object) key(name string) *yaml.Node {
	key, _ := o.find(name)
	return key
}

func (o *object) get(name string) *yaml.Node {
	_, value := o.find(name)
	return value
}

// unknownKey reports a key, and returns the one that was probably meant.
func (r *reader) unknownKey(key *yaml.Node, what string, known []string, extra bool) (meant string) {
	meant = nearest(key.Value, slices.Values(known))
	if s := synonyms[key.Value]; meant == "" && slices.Contains(known, s) {
		meant = s
	}
	message := fmt.Sprintf("unknown key %q", key.Value)
	if meant != "" {
		message += fmt.Sprintf(" (did you mean %s?)", meant)
	}
	hint := fmt.Sprintf("%s has the keys %s", what, list(known))
	if extra {
		hint += "; keys that begin with x- are yours"
	}
	if word, _, ok := strings.Cut(key.Value, ":"); ok && slices.Contains(known, word) {
		hint = fmt.Sprintf("a space is missing after the colon: write %s: …", word)
		meant = word
	}
	r.at(key, ruleUnknownKey, message, hint)
	return meant
}

// misspelled reports whether the mapping has a key that was probably meant as
// one of these.
func (o *object) misspelled(keys ...string) bool {
	return slices.ContainsFunc(keys, func(key string) bool { return slices.Contains(o.meant, key) })
}

// need returns a key's value and reports when it is missing.
func (o *object) need(key string) *yaml.Node {
	v := o.get(key)
	if v == nil && !o.misspelled(key) {
		o.at(o.node, ruleSchema, fmt.Sprintf("%s needs the key %q", o.what, key), "")
	}
	return v
}

// extra returns the x-* values.
func (o *object) extra() map[string]any {
	var extra map[string]any
	for i := 0; i+1 < len(o.node.Content); i += 2 {
		key := o.node.Content[i]
		if key.Kind != yaml.ScalarNode || !strings.HasPrefix(key.Value, "x-") {
			continue
		}
		if v, ok := o.value(o.node.Content[i+1]); ok {
			if extra == nil {
				extra = map[string]any{}
			}
			extra[key.Value] = v
		}
	}
	return extra
}

// text decodes a key's text; "" when it is absent or wrong, and then ok is false.
func (o *object) text(key string) (string, bool) {
	n := o.get(key)
	if n == nil {
		return "", false
	}
	return o.reader.text(n, key)
}

// line is a text of one line that is not blank.
func (o *object) line(key string) string {
	s, ok := o.text(key)
	if !ok {
		return ""
	}
	switch trimmed := strings.TrimSpace(s); {
	case trimmed == "":
		o.at(o.get(key), ruleSchema, key+" is empty", "give it a value, or leave the key out")
	case strings.ContainsAny(trimmed, "\n\r"):
		o.at(o.get(key), ruleSchema, key+" has more than one line", "")
	}
	return s
}

// texts decodes a list of texts.
func (o *object) texts(key string) []string {
	n := o.get(key)
	if n == nil {
		return nil
	}
	if n.Kind != yaml.SequenceNode {
		o.wrongType(n, key, "a list")
		return nil
	}
	all := make([]string, 0, len(n.Content))
	for _, c := range n.Content {
		if s, ok := o.reader.text(c, "an item of "+key); ok {
			all = append(all, s)
		}
	}
	return all
}

func (o *object) boolean(key string, absent bool) bool {
	n := o.get(key)
	if n == nil {
		return absent
	}
	if n.Kind == yaml.ScalarNode && n.Tag == "!!bool" {
		return strings.EqualFold(n.Value, "true")
	}
	switch strings.ToLower(n.Value) {
	case "yes", "no", "on", "off", "y", "n":
		o.at(n, ruleSchema, fmt.Sprintf("%s must be true or false", key), fmt.Sprintf("%s is text in YAML 1.2: write true or false", n.Value))
	default:
		o.wrongType(n, key, "true or false")
	}
	return absent
}

// count decodes a whole number that is not negative.
func (o *object) count(key string) *int {
	n := o.get(key)
	if n == nil {
		return nil
	}
	i, ok := integer(n)
	if !ok || i < 0 {
		o.wrongType(n, key, "a whole number from 0")
		return nil
	}
	return &i
}

func (o *object) number(key string) *float64 {
	n := o.get(key)
	if n == nil {
		return nil
	}
	f, ok := float(n)
	if !ok {
		o.wrongType(n, key, "a number")
		return nil
	}
	return &f
}

// free decodes a mapping of anything.
func (o *object) free(key string) map[string]any {
	n := o.get(key)
	if n == nil {
		return nil
	}
	if n.Kind != yaml.MappingNode {
		o.wrongType(n, key, "keys and values")
		return nil
	}
	v, _ := o.value(n)
	m, _ := v.(map[string]any)
	return m
}

// text decodes a text. Numbers, booleans and nothing are not taken for one:
// what was meant by 1.10 or by no must be written, not guessed.
func (r *reader) text(n *yaml.Node, what string) (string, bool) {
	if plainText(n) {
		return n.Value, true
	}
	r.notText(n, what)
	return "", false
}

func (r *reader) notText(n *yaml.Node, what string) {
	if n.Kind == yaml.ScalarNode && n.Tag != "!!null" {
		r.at(n, ruleSchema, fmt.Sprintf("%s must be text, and %s is %s", what, n.Value, kindOf(n)), fmt.Sprintf("put it in quotes: %q", n.Value))
		return
	}
	r.wrongType(n, what, "text")
}

// wrongType reports a node that is not what it must be.
func (r *reader) wrongType(n *yaml.Node, what, want string) {
	hint := ""
	got := kindOf(n)
	switch {
	case n.Kind == yaml.MappingNode && n.Style&yaml.FlowStyle != 0 && r.braces(n):
		got, hint = "a value that begins with a brace", `write "{{ … }}" in quotes, or begin a block with |- and put the text below it`
	case n.Kind == yaml.ScalarNode && n.Tag == "!!null":
		got, hint = "empty", "give it a value, or leave the key out"
		if strings.HasPrefix(strings.TrimSpace(r.source.from(n.Line, n.Column)), "#") {
			hint = "what follows # is a comment: put it in quotes when it is text"
		}
	case n.Kind == yaml.MappingNode && want == "a list":
		hint = "begin each of its items with - and a space"
	case n.Kind == yaml.MappingNode && want == "text":
		hint = "put text that contains a colon and a space in quotes"
	case got == "a number":
		got = n.Value
	case n.Kind == yaml.SequenceNode && want == "text":
		hint = "put text that begins with [ or - in quotes"
	}
	r.at(n, ruleSchema, fmt.Sprintf("%s must be %s, not %s", what, want, got), hint)
}

// braces reports whether a flow mapping is a template that was not quoted.
func (r *reader) braces(n *yaml.Node) bool {
	text := r.source.from(n.Line, n.Column)
	return strings.HasPrefix(text, "{{") || strings.HasPrefix(text, "{%")
}

// cut reports text that a # took out of a value without quotes.
func (r *reader) cut(n *yaml.Node, key string) {
	const quoted = yaml.LiteralStyle | yaml.FoldedStyle | yaml.SingleQuotedStyle | yaml.DoubleQuotedStyle
	if n.Kind != yaml.ScalarNode || n.Style&quoted != 0 || n.LineComment == "" {
		return
	}
	line, col := n.Line, n.Column
	text := r.source.from(line, col)
	if m := comment.FindStringIndex(text); m != nil {
		col += utf8.RuneCountInString(text[:m[0]]) + 1
	}
	r.report(line, col, ruleCutText, fmt.Sprintf("what follows # is a comment and not part of %s", key), "put the value in quotes when it is text, or the comment on a line of its own")
}

// comment finds where a comment begins beside a value without quotes.
var comment = regexp.MustCompile(`[ \t]#`)

// kindOf says what a node is, in words.
func kindOf(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "keys and values"
	case yaml.SequenceNode:
		return "a list"
	}
	switch n.Tag {
	case "!!null":
		return "empty"
	case "!!bool":
		return "a boolean"
	case "!!int", "!!float":
		return "a number"
	}
	return "text"
}
