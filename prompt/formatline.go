package prompt

import (
	"slices"
	"strings"
)

// A line of a file, with what white space means in it.
type line struct {
	text    string
	ended   bool // with a line feed
	kind    lineKind
	indent  int  // spaces it begins with
	to      int  // the column it should begin in
	open    bool // spaces at its end may be text
	comment int  // offset of its comment, -1 when it has none
	odd     bool // written in a way that is left as it is

	dashes []int   // of an itemLine: offsets of the dashes that it begins with
	rest   int     // what follows them
	levels []level // around it, and its own
	block  block   // that it opens

	base  int  // of a blockLine: columns that are indentation
	strip bool // the line feeds at the end of the block are no text
}

// empty reports whether a line of a block has no text, only indentation.
func (l *line) empty() bool { return len(l.text) <= l.base && strings.TrimLeft(l.text, " ") == "" }

type lineKind int

const (
	blankLine   lineKind = iota
	commentLine          // nothing else
	itemLine             // of a map or a list, or a value that stands alone
	blockLine            // of a block scalar
	foldedLine           // goes on with a value that began in a line before
	markLine             // begins or ends a document
)

// A level is a map or a list that is open.
type level struct {
	from, to int // the columns it stands in, and should
	list     bool
}

// A block scalar, as the line says that opens it.
type block struct {
	is         bool
	strip      bool
	keep       bool
	indicator  int // how far it is indented from its parent, 0 when its first line tells
	parent, to int // the columns that its parent and its text should stand in
	parentFrom int
}

// scanLines reads a text that is valid YAML.
func scanLines(text string) []line {
	text = strings.ReplaceAll(strings.ReplaceAll(text, "\r\n", "\n"), "\r", "\n")
	s := &lineScan{}
	for l := range strings.Lines(text) {
		content, ended := strings.CutSuffix(l, "\n")
		s.lines = append(s.lines, line{text: content, ended: ended, comment: -1, indent: indentOf(content)})
	}
	for s.i < len(s.lines) {
		s.one()
	}
	return s.lines
}

type lineScan struct {
	lines  []line
	i      int // the line that is read
	levels []level
}

// one reads a line, and what belongs to a value that begins in it.
func (s *lineScan) one() {
	l := &s.lines[s.i]
	s.i++
	body := strings.TrimLeft(l.text, " \t")
	switch {
	case body == "":
		l.kind = blankLine
		return
	case body[0] == '#':
		l.kind, l.comment = commentLine, len(l.text)-len(body)
		l.odd = l.comment != l.indent // a tab
		return
	case l.indent == 0 && isMark(l.text), l.text[0] == '%' && len(s.levels) == 0:
		l.kind = markLine
		l.odd = len(strings.TrimRight(l.text, " \t")) > 3
		return
	}
	l.kind = itemLine
	at := l.indent
	for at < len(l.text) && l.text[at] == '-' && blankAt(l.text, at+1) {
		l.dashes = append(l.dashes, at)
		for at++; at < len(l.text) && (l.text[at] == ' ' || l.text[at] == '\t'); at++ {
			l.odd = l.odd || l.text[at] == '\t'
		}
	}
	l.rest = at
	for n, column := range l.dashes {
		to := s.enter(column, true)
		if n == 0 {
			l.to = to
		}
	}
	s.item(l)
	l.levels = slices.Clone(s.levels)
}

// item reads what follows the dashes of a line.
func (s *lineScan) item(l *line) {
	at := l.rest
	if at == len(l.text) {
		return
	}
	if l.text[at] == '#' {
		l.comment = at
		return
	}
	l.odd = l.odd || l.text[at] == '\t' || strings.IndexByte("?:", l.text[at]) >= 0 && blankAt(l.text, at+1)
	key := keyEnd(l.text, at)
	to := 0
	if key > 0 {
		to = s.enter(at, false)
		for at = key; at < len(l.text) && (l.text[at] == ' ' || l.text[at] == '\t'); at++ {
		}
	} else {
		for len(s.levels) > 0 && s.levels[len(s.levels)-1].from >= at {
			s.levels = s.levels[:len(s.levels)-1]
		}
		if n := len(s.levels); n > 0 {
			to = s.levels[n-1].to + 2
		}
	}
	if len(l.dashes) == 0 {
		l.to = to
	}
	s.value(l, at, to-l.rest)
}

// enter opens the map or list that an item in a column belongs to, unless it is
// open, and closes those inside of it. The result is the column it should have.
func (s *lineScan) enter(column int, list bool) int {
	for n := len(s.levels); n > 0; n = len(s.levels) {
		top := s.levels[n-1]
		if top.from < column || top.from == column && (list || !top.list) {
			break
		}
		s.levels = s.levels[:n-1]
	}
	to := 0
	if n := len(s.levels); n > 0 {
		top := s.levels[n-1]
		if top.from == column && top.list == list {
			return top.to
		}
		to = top.to + 2 // also of a list that is not indented below its key
	}
	s.levels = append(s.levels, level{column, to, list})
	return to
}

// value reads a value from an offset of a line on, with the lines that belong to
// it. They move as far as the line does.
func (s *lineScan) value(l *line, at, move int) {
	if at >= len(l.text) {
		return
	}
	from, to := -1, -2 // the columns of the parent
	if n := len(s.levels); n > 0 {
		from, to = s.levels[n-1].from, s.levels[n-1].to
	}
	switch c := l.text[at]; {
	case c == '#':
		l.comment = at
	case c == '|' || c == '>':
		s.block(l, at, from, to)
	case c == '"' || c == '\'' || c == '{' || c == '[':
		f := flow{}
		f.line(l, at)
		for !f.done && s.i < len(s.lines) {
			next := &s.lines[s.i]
			s.i++
			next.kind, next.to = foldedLine, max(next.indent+move, to+2)
			f.line(next, 0)
		}
	default:
		l.comment = commentIn(l.text, at)
		s.plain(from, to, move)
	}
}

// plain takes the lines that go on with a value without quotes: those further in
// than its parent, with the blank ones between them.
func (s *lineScan) plain(from, to, move int) {
	for end := s.i; end < len(s.lines); end++ {
		l := &s.lines[end]
		body := strings.TrimLeft(l.text, " \t")
		if body == "" {
			continue
		}
		if body[0] == '#' || l.indent <= from || l.indent == 0 && isMark(l.text) {
			return
		}
		for ; s.i <= end; s.i++ {
			next := &s.lines[s.i]
			next.kind, next.to = foldedLine, max(next.indent+move, to+2)
			next.comment = commentIn(next.text, next.indent)
		}
	}
}

// block takes the lines of a block scalar.
func (s *lineScan) block(l *line, at, from, to int) {
	b := block{is: true, parent: to, parentFrom: from, to: to + 1}
	for at++; at < len(l.text) && strings.IndexByte("+-123456789", l.text[at]) >= 0; at++ {
		switch c := l.text[at]; c {
		case '+':
			b.keep = true
		case '-':
			b.strip = true
		default:
			b.indicator = int(c - '0')
		}
	}
	l.comment = commentIn(l.text, at)
	base := max(from, 0) + b.indicator
	if b.indicator == 0 {
		base = max(from+1, 1)
		for _, next := range s.lines[s.i:] {
			base = max(base, next.indent)
			if strings.TrimLeft(next.text, " ") != "" {
				break
			}
		}
	}
	end := s.i // behind the last line with text
	for j := s.i; j < len(s.lines); j++ {
		next := &s.lines[j]
		next.base = base
		if !next.empty() && next.indent < base {
			break // it is the next item's
		}
		if b.keep || !next.empty() {
			end = j + 1
		}
	}
	move := 0
	if from >= 0 {
		move = to + 2
		if b.indicator > 0 {
			move = to + b.indicator
		}
		move -= base
	}
	for ; s.i < end; s.i++ {
		next := &s.lines[s.i]
		next.kind, next.strip, next.to = blockLine, b.strip, base+move
		b.to = base + move
	}
	l.block = b
}
