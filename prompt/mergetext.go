package prompt

import (
	"slices"
	"strings"

	"github.com/anvilpeering/anvil/diff3"
)

// block merges block scalars by line. The result has the header and the indentation
// of the side that changed it.
func (m *fieldMerge) block(path string, e [3]*entry, column int) ([]byte, int) {
	header := func(i int) string {
		s := e[i].value.header
		return string(m.files[i].src[s.from:s.to])
	}
	indicators := func(i int) string {
		s, _, _ := strings.Cut(header(i), "#")
		return strings.TrimSpace(s)
	}
	style := func(i int) string { return strings.TrimRight(indicators(i), "+-") }
	first := winner(true, func(a, b int) bool { return header(a) == header(b) })
	if first < 0 || style(inOurs) != style(inTheirs) || style(inOurs) != style(inBase) {
		return m.byMeaning(path, e, column)
	}
	// How far the text is indented from its key; a text without lines does not say.
	by := func(i int) int { return e[i].value.column - e[i].column }
	same := func(a, b int) bool {
		return e[a].value.column < 0 || e[b].value.column < 0 || by(a) == by(b)
	}
	deep := max(winner(true, same), inOurs)
	if e[deep].value.column < 0 {
		deep = inOurs + inTheirs - deep
	}
	if e[deep].value.column < 0 {
		return m.byMeaning(path, e, column)
	}
	to := column + by(deep)
	var texts [3][]byte
	for i := range e {
		v := e[i].value
		texts[i] = m.files[i].src[v.header.to:v.to]
		if v.column >= 0 {
			texts[i] = reindent(texts[i], to-v.column, true)
		}
	}
	merged, hunks := diff3.Merge(texts[inBase], texts[inOurs], texts[inTheirs])
	if len(hunks) > 0 {
		c := m.conflict(path, ConflictValue, "both sides changed the same lines", e)
		c.Joinable, c.lines = true, true
		switch m.decide(c) {
		case TakeTheirs:
			return m.written(inTheirs, e[inTheirs], e[inTheirs].span, column), e[inTheirs].value.meaning
		case TakeBoth:
			merged = spliceHunks(merged, hunks, func(h diff3.Hunk) []byte { return slices.Concat(h.Ours, h.Theirs) })
		case takeOurLines:
			merged = spliceHunks(merged, hunks, func(h diff3.Hunk) []byte { return h.Ours })
		case takeTheirLines:
			merged = spliceHunks(merged, hunks, func(h diff3.Hunk) []byte { return h.Theirs })
		default:
			return m.written(inOurs, e[inOurs], e[inOurs].span, column), e[inOurs].value.meaning
		}
	}
	text := slices.Concat([]byte(header(first)), merged)
	core := append(slices.Clone(m.head(path, e, column)), text...)
	return core, m.textMeaning(indicators(first), reindent(merged, -to, true))
}

// textMeaning reads a block scalar whose lines are not indented.
func (m *fieldMerge) textMeaning(indicators string, lines []byte) int {
	indent := 1 // what the header says, if it says something
	for _, c := range indicators {
		if c >= '1' && c <= '9' {
			indent = int(c - '0')
		}
	}
	alone := slices.Concat([]byte("x: "+indicators+"\n"), reindent(lines, indent, true))
	documents, err := decodeYAML(alone)
	if err != nil || len(documents) != 1 || len(documents[0].Content[0].Content) != 2 {
		m.broken = "a text would not be one any more"
		return 0
	}
	return m.scalar(documents[0].Content[0].Content[1])
}
