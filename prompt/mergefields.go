package prompt

import (
	"bytes"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// The three files of a merge.
const (
	inBase = iota
	inOurs
	inTheirs
)

// fieldMerge is one merge by field.
type fieldMerge struct {
	*meanings
	files     [3]*layout
	take      func(Conflict) Take
	conflicts []Conflict
	differ    bool   // there is a conflict about what the file means
	broken    string // why the result cannot be put together
}

// item is a merged entry.
type item struct {
	key     string
	lead    []byte // whole lines
	core    []byte // from its key or dash on
	meaning int

	from *entry // whose white space it keeps in a flow
	side int
}

func newFieldMerge(base, ours, theirs []byte, take func(Conflict) Take) (*fieldMerge, error) {
	m := &fieldMerge{meanings: newMeanings(), take: take}
	for i, content := range [3][]byte{base, ours, theirs} {
		l, err := newLayout(content, m.meanings)
		if err != nil {
			return nil, err
		}
		m.files[i] = l
	}
	return m, nil
}

// winner returns which side has what both sides want: the one that changed, or ours
// when both changed alike; -1 when they did not.
func winner(base bool, same func(a, b int) bool) int {
	switch {
	case same(inOurs, inTheirs):
		return inOurs
	case base && same(inBase, inOurs):
		return inTheirs
	case base && same(inBase, inTheirs):
		return inOurs
	}
	return -1
}

func (m *fieldMerge) numberOf(items []item, s shape) int {
	if s == shapeList || s == shapeFlowList {
		list := make([]int, len(items))
		for i, it := range items {
			list[i] = it.meaning
		}
		return m.list(list)
	}
	members := make([]member, len(items))
	for i, it := range items {
		members[i] = member{it.key, it.meaning}
	}
	return m.meanings.mapping(members)
}

// line returns the line, from 1, where a span begins.
func (m *fieldMerge) line(side int, s span) int { return m.files[side].lineOf(s.from) + 1 }

// lines puts the entries of a block one below the other.
func (m *fieldMerge) lines(out []byte, items []item, column int, inline bool) []byte {
	for i, it := range items {
		if inline && i == 0 {
			if len(it.lead) > 0 {
				m.broken = "a comment would come between a dash and its key"
			}
		} else {
			out = append(out, it.lead...)
			out = append(out, bytes.Repeat([]byte(" "), column)...)
		}
		out = append(out, it.core...)
	}
	return out
}

// mapping merges the entries of mappings by their keys. The base may be nil.
func (m *fieldMerge) mapping(path string, v [3]*extent, column int, flow bool) []item {
	var index [3]map[string]*entry
	for i := range v {
		index[i] = make(map[string]*entry)
		if v[i] != nil {
			for _, e := range v[i].entries {
				index[i][e.key] = e
			}
		}
	}
	var items []item
	for _, key := range m.order(path, v, index) {
		e := [3]*entry{index[inBase][key], index[inOurs][key], index[inTheirs][key]}
		if it, there := m.entry(fieldPath(path, key), e, column, flow); there {
			items = append(items, it)
		}
	}
	return items
}

var plainKey = regexp.MustCompile(`^[\p{L}\p{N}_$/-]+$`)

// fieldPath is the path of a mapping's field.
func fieldPath(path, key string) string {
	switch {
	case !plainKey.MatchString(key):
		return path + "[" + strconv.Quote(key) + "]"
	case path == "":
		return key
	}
	return path + "." + key
}

// order returns the keys of ours and theirs in the order of the result: ours, unless
// only theirs is another one than base has. What is only in the other file comes
// after what it follows there.
func (m *fieldMerge) order(path string, v [3]*extent, index [3]map[string]*entry) []string {
	var common [3][]string
	for i := range v {
		if v[i] == nil {
			continue
		}
		for _, e := range v[i].entries {
			if index[inBase][e.key] != nil && index[inOurs][e.key] != nil && index[inTheirs][e.key] != nil {
				common[i] = append(common[i], e.key)
			}
		}
	}
	first := winner(true, func(a, b int) bool { return slices.Equal(common[a], common[b]) })
	if first < 0 {
		c := Conflict{Field: path, Kind: ConflictOrder, Reason: "both sides put the keys in another order"}
		for i, s := range []*Side{&c.Base, &c.Ours, &c.Theirs} {
			s.Text, s.Line = strings.Join(common[i], "\n"), v[i].entries[0].line+1
		}
		first = inOurs
		if m.decide(c) == TakeTheirs {
			first = inTheirs
		}
	}
	other := inOurs + inTheirs - first
	after := make(map[string][]string)
	last := "" // of the other's keys, that is in the first's
	begun := false
	var front []string
	for _, e := range v[other].entries {
		switch {
		case index[first][e.key] != nil:
			last, begun = e.key, true
		case begun:
			after[last] = append(after[last], e.key)
		default:
			front = append(front, e.key)
		}
	}
	keys := front
	for _, e := range v[first].entries {
		keys = append(append(keys, e.key), after[e.key]...)
	}
	return keys
}

// decide asks what to do about a conflict, and records it when it stays one.
func (m *fieldMerge) decide(c Conflict) Take {
	take := TakeNeither
	if m.take != nil {
		take = m.take(c)
	}
	if take == TakeNeither || take == TakeBoth && !c.Joinable {
		m.conflicts = append(m.conflicts, c)
		m.differ = m.differ || c.Kind == ConflictValue
		return TakeNeither
	}
	switch {
	case take == takeOurLines && !c.lines:
		return TakeOurs
	case take == takeTheirLines && !c.lines:
		return TakeTheirs
	}
	return take
}

// entry merges one entry, which is absent where it is nil.
func (m *fieldMerge) entry(path string, e [3]*entry, column int, flow bool) (it item, there bool) {
	ours, theirs := e[inOurs], e[inTheirs]
	if ours != nil && theirs != nil {
		it = item{key: ours.key, from: ours, side: inOurs}
		if !flow {
			it.lead = m.leads(path, e, column)
		}
		it.core, it.meaning = m.core(path, e, column, flow)
		return it, true
	}
	left := inOurs // where it is, if anywhere
	if ours == nil {
		left = inTheirs
	}
	if e[left] == nil {
		return item{}, false
	}
	if e[inBase] == nil {
		return m.copy(left, e[left], column), true
	}
	if m.untouched(e[inBase], inBase, left, e[left]) {
		return item{}, false
	}
	c := m.conflict(path, ConflictValue, "we removed it, and they changed it", e)
	if left == inOurs {
		c.Reason = "we changed it, and they removed it"
	}
	if take := m.decide(c); take == TakeOurs && left == inTheirs || take == TakeTheirs && left == inOurs {
		return item{}, false
	}
	return m.copy(left, e[left], column), true
}

// copy takes an entry as a side has it.
func (m *fieldMerge) copy(side int, e *entry, column int) item {
	by := column - e.column
	src := m.files[side].src
	return item{
		key: e.key, from: e, side: side, meaning: e.value.meaning,
		lead: reindent(src[e.lead.from:e.lead.to], by, true),
		core: reindent(src[e.from:e.to], by, false),
	}
}

// written returns what a side has in a span of an entry that goes to a column.
func (m *fieldMerge) written(side int, e *entry, s span, column int) []byte {
	return reindent(m.files[side].src[s.from:s.to], column-e.column, false)
}

// reindent moves lines to the right or left; all, or all but the first.
func reindent(text []byte, by int, all bool) []byte {
	if by == 0 || !all && bytes.IndexByte(text, '\n') == len(text)-1 {
		return text
	}
	var out []byte
	for line := range bytes.Lines(text) {
		switch {
		case !all:
			all = true
		case by > 0 && len(line) > 1:
			out = append(out, bytes.Repeat([]byte(" "), by)...)
		default:
			for n := by; n < 0 && line[0] == ' '; n++ {
				line = line[1:]
			}
		}
		out = append(out, line...)
	}
	return out
}

// untouched reports whether a side left an entry as it was in another; a comment
// more above it is a change.
func (m *fieldMerge) untouched(was *entry, in, side int, e *entry) bool {
	b, l := m.files[in], m.files[side]
	if !bytes.Equal(m.written(in, was, was.span, 0), m.written(side, e, e.span, 0)) &&
		(was.value.meaning != e.value.meaning || !slices.Equal(b.comments(was), l.comments(e))) {
		return false
	}
	left := commentLines(b.src[was.lead.from:was.lead.to])
	for _, c := range commentLines(l.src[e.lead.from:e.lead.to]) {
		at := slices.Index(left, c)
		if at < 0 {
			return false
		}
		left = slices.Delete(left, at, at+1)
	}
	return true
}

// core merges an entry that both sides have, without what is above it.
func (m *fieldMerge) core(path string, e [3]*entry, column int, flow bool) ([]byte, int) {
	same := func(a, b int) bool {
		return bytes.Equal(m.written(a, e[a], e[a].span, column), m.written(b, e[b], e[b].span, column))
	}
	if i := winner(e[inBase] != nil, same); i >= 0 {
		return m.written(i, e[i], e[i].span, column), e[i].value.meaning
	}
	var v [3]*extent
	for i := range e {
		if e[i] != nil {
			v[i] = e[i].value
		}
	}
	if !alike(e) {
		return m.byMeaning(path, e, column)
	}
	switch v[inOurs].shape {
	case shapeText:
		return m.block(path, e, column)
	case shapeMapping, shapeList:
		head := m.head(path, e, column)
		in := m.within(e, column, head)
		var items []item
		if v[inOurs].shape == shapeMapping {
			items = m.mapping(path, v, in, false)
		} else {
			items = m.items(path, v, in, false)
		}
		inline := v[inOurs].inline
		var ends [3][]byte
		var at [3]int
		for i := range v {
			if v[i] != nil {
				ends[i] = reindent(m.files[i].src[v[i].end.from:v[i].end.to], in-v[i].column, true)
				at[i] = m.line(i, v[i].end)
			}
		}
		meaning := m.numberOf(items, v[inOurs].shape)
		if len(items) == 0 {
			head = m.nothing(v[inOurs].shape, head)
		}
		core := m.lines(slices.Clone(head), items, in, inline)
		return append(core, m.trivia(path, "at its end", ends, at)...), meaning
	case shapeFlowMap, shapeFlowList:
		core := slices.Clone(m.head(path, e, column))
		value, meaning := m.flow(path, v, column)
		return append(append(core, value...), m.beside(path, e, column)...), meaning
	}
	value := func(i int) []byte { return m.written(i, e[i], v[i].span, column) }
	i := winner(v[inBase] != nil, func(a, b int) bool { return bytes.Equal(value(a), value(b)) })
	if i < 0 {
		i = winner(v[inBase] != nil, func(a, b int) bool { return v[a].meaning == v[b].meaning })
	}
	if i < 0 {
		return m.choose(path, e, column)
	}
	core := append(slices.Clone(m.head(path, e, column)), value(i)...)
	return append(core, m.beside(path, e, column)...), v[i].meaning
}

// alike reports whether entries are written in the same way, so that their parts
// can be merged one by one.
func alike(e [3]*entry) bool {
	ours := e[inOurs].value
	for _, one := range e {
		switch {
		case one == nil:
			if s := ours.shape; s == shapeText || s == shapeList || s == shapeFlowList {
				return false // both added it: there is nothing to compare with
			}
		case one.commentFlow, one.value.shape != ours.shape, one.value.inline != ours.inline:
			return false
		}
	}
	return true
}

// within returns the column for the entries of a merged block.
func (m *fieldMerge) within(e [3]*entry, column int, head []byte) int {
	if e[inOurs].value.inline {
		return column + len(head)
	}
	by := func(i int) int { return e[i].value.column - e[i].column }
	i := winner(e[inBase] != nil, func(a, b int) bool { return by(a) == by(b) })
	return column + by(max(i, inOurs))
}

// nothing is the head of a block of which no entry is left.
func (m *fieldMerge) nothing(s shape, head []byte) []byte {
	word := " {}"
	if s == shapeList {
		word = " []"
	}
	end := len(head)
	if at := comment.FindIndex(head); at != nil {
		end = at[0]
	}
	text := bytes.TrimRight(head[:end], " \n")
	rest := head[end:]
	if len(rest) == 0 {
		rest = []byte("\n")
	}
	return slices.Concat(text, []byte(word), rest)
}

// byMeaning merges entries that are written in different ways: a side wins as a
// whole, if the other changed neither meaning nor comments.
func (m *fieldMerge) byMeaning(path string, e [3]*entry, column int) ([]byte, int) {
	i := winner(e[inBase] != nil, func(a, b int) bool {
		return e[a].value.meaning == e[b].value.meaning && slices.Equal(m.files[a].comments(e[a]), m.files[b].comments(e[b]))
	})
	if i < 0 {
		return m.choose(path, e, column)
	}
	return m.written(i, e[i], e[i].span, column), e[i].value.meaning
}

// choose makes an entry a conflict.
func (m *fieldMerge) choose(path string, e [3]*entry, column int) ([]byte, int) {
	reason := "both sides changed it"
	if e[inBase] == nil {
		reason = "both sides added it"
	}
	i := inOurs
	if m.decide(m.conflict(path, ConflictValue, reason, e)) == TakeTheirs {
		i = inTheirs
	}
	return m.written(i, e[i], e[i].span, column), e[i].value.meaning
}

// conflict describes a conflict about an entry.
func (m *fieldMerge) conflict(path string, kind ConflictKind, reason string, e [3]*entry) Conflict {
	return Conflict{
		Field: path, Kind: kind, Reason: reason,
		Base: m.side(inBase, e[inBase]), Ours: m.side(inOurs, e[inOurs]), Theirs: m.side(inTheirs, e[inTheirs]),
	}
}

func (m *fieldMerge) side(i int, e *entry) Side {
	if e == nil {
		return Side{Absent: true}
	}
	v := e.value
	s := Side{Line: e.line + 1}
	switch text := m.files[i].src[v.from:v.to]; {
	case v.shape == shapeText:
		s.Text = v.node.Value
	case v.shape == shapeMapping || v.shape == shapeList:
		s.Text = string(reindent(text, -v.column, !v.inline))
	default:
		s.Text = string(text)
	}
	return s
}
