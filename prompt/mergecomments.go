package prompt

import (
	"bytes"
	"slices"
	"strings"

	"github.com/anvilpeering/anvil/diff3"
)

// head merges what is written from the key to the value.
func (m *fieldMerge) head(path string, e [3]*entry, column int) []byte {
	return m.aside(path, e, column, func(one *entry) span { return span{one.from, one.value.from} })
}

// beside merges what stands beside a value.
func (m *fieldMerge) beside(path string, e [3]*entry, column int) []byte {
	return m.aside(path, e, column, func(one *entry) span { return one.beside })
}

// aside merges a part of an entry that means nothing, but may have a comment.
func (m *fieldMerge) aside(path string, e [3]*entry, column int, part func(*entry) span) []byte {
	text := func(i int) []byte { return m.written(i, e[i], part(e[i]), column) }
	i := winner(e[inBase] != nil, func(a, b int) bool { return bytes.Equal(text(a), text(b)) })
	if i >= 0 {
		return text(i)
	}
	note := func(i int) string {
		if at := comment.FindIndex(text(i)); at != nil {
			return strings.TrimSpace(string(text(i)[at[0]:]))
		}
		return ""
	}
	if i = winner(e[inBase] != nil, func(a, b int) bool { return note(a) == note(b) }); i >= 0 {
		return text(i)
	}
	c := m.conflict(path, ConflictComment, "both sides changed the comment beside it", e)
	c.Joinable = true
	for i, s := range []*Side{&c.Base, &c.Ours, &c.Theirs} {
		if e[i] != nil {
			s.Text = note(i)
		}
	}
	switch m.decide(c) {
	case TakeTheirs:
		return text(inTheirs)
	case TakeBoth:
		return slices.Concat(bytes.TrimRight(text(inOurs), "\n"), []byte(" "+note(inTheirs)+"\n"))
	}
	return text(inOurs)
}

// leads merges what stands above an entry.
func (m *fieldMerge) leads(path string, e [3]*entry, column int) []byte {
	var texts [3][]byte
	var at [3]int
	for i, one := range e {
		if one != nil {
			texts[i] = reindent(m.files[i].src[one.lead.from:one.lead.to], column-one.column, true)
			at[i] = m.line(i, one.lead)
		}
	}
	return m.trivia(path, "above it", texts, at)
}

// trivia merges lines of comments and blanks, which stand in lines of the files,
// from 1. Where there is no base it is empty.
func (m *fieldMerge) trivia(path, where string, texts [3][]byte, at [3]int) []byte {
	if i := winner(true, func(a, b int) bool { return bytes.Equal(texts[a], texts[b]) }); i >= 0 {
		return texts[i]
	}
	if merged, hunks := diff3.Merge(texts[inBase], texts[inOurs], texts[inTheirs]); len(hunks) == 0 {
		return merged
	}
	var notes [3][]string
	for i, text := range texts {
		notes[i] = commentLines(text)
	}
	if i := winner(true, func(a, b int) bool { return slices.Equal(notes[a], notes[b]) }); i >= 0 {
		return texts[i]
	}
	c := Conflict{Field: path, Kind: ConflictComment, Reason: "both sides changed the comment " + where, Joinable: true}
	for i, s := range []*Side{&c.Base, &c.Ours, &c.Theirs} {
		s.Text, s.Line, s.Absent = strings.Join(notes[i], "\n"), at[i], len(notes[i]) == 0
	}
	switch m.decide(c) {
	case TakeTheirs:
		return texts[inTheirs]
	case TakeBoth:
		return slices.Concat(texts[inOurs], texts[inTheirs])
	}
	return texts[inOurs]
}

// commentLines returns the comments of lines that have nothing else.
func commentLines(text []byte) []string {
	var all []string
	for line := range bytes.Lines(text) {
		if c := strings.TrimSpace(string(line)); c != "" {
			all = append(all, c)
		}
	}
	return all
}

// comments returns the comments in an entry, without those above it.
func (l *layout) comments(e *entry) []string {
	var all []string
	beside := func(s span) {
		for line := range bytes.Lines(l.src[s.from:s.to]) {
			if at := bytes.IndexByte(line, '#'); at >= 0 {
				all = append(all, strings.TrimSpace(string(line[at:])))
			}
		}
	}
	v := e.value
	beside(span{e.colon, v.from})
	beside(v.header)
	if e.commentFlow {
		all = append(all, string(l.src[v.from:v.to]))
	}
	if v.shape == shapeMapping || v.shape == shapeList {
		for _, c := range v.entries {
			all = append(all, commentLines(l.src[c.lead.from:c.lead.to])...)
			all = append(all, l.comments(c)...)
		}
		all = append(all, commentLines(l.src[v.end.from:v.end.to])...)
	}
	beside(e.beside)
	return all
}
