package prompt

import (
	"bytes"
	"strings"
	"unicode"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// source is a file as lines, for finding places in it. Lines are counted as the
// YAML parser does.
type source struct {
	content []byte
	split   []string // see lines

	// The line that was asked for last, and where it begins: the next is mostly
	// not far behind.
	number, offset int
}

// seek goes to a line by its number from 1, and reports whether it is there.
func (s *source) seek(n int) bool {
	if n < 1 {
		return false
	}
	if s.number == 0 || n < s.number {
		s.number, s.offset = 1, 0
		if bytes.HasPrefix(s.content, []byte("\ufeff")) {
			s.offset = len("\ufeff")
		}
	}
	for s.number < n {
		end := bytes.IndexAny(s.content[s.offset:], "\r\n")
		if end < 0 {
			return false
		}
		next := s.offset + end + 1
		if s.content[next-1] == '\r' && next < len(s.content) && s.content[next] == '\n' {
			next++
		}
		s.number, s.offset = s.number+1, next
	}
	return true
}

// line returns a line without its end, "" where there is none.
func (s *source) line(n int) string {
	if s.split != nil {
		if n < 1 || n > len(s.split) {
			return ""
		}
		return s.split[n-1]
	}
	if !s.seek(n) {
		return ""
	}
	rest := s.content[s.offset:]
	if end := bytes.IndexAny(rest, "\r\n"); end >= 0 {
		rest = rest[:end]
	}
	return string(rest)
}

// lines returns all lines, for who asks for many of them in no order.
func (s *source) lines() []string {
	if s.split == nil {
		var all []string
		for n := 1; s.seek(n); n++ {
			all = append(all, s.line(n))
		}
		s.split = all
	}
	return s.split
}

// from returns the rest of a line from a column on.
func (s *source) from(line, col int) string {
	text := s.line(line)
	for ; col > 1 && text != ""; col-- {
		_, size := utf8.DecodeRuneInString(text)
		text = text[size:]
	}
	return text
}

// A place says where in its file a scalar's text stands, so that a position in
// the text becomes one in the file. It keeps no more of the file than it needs:
// nothing for a literal block, the scalar itself for the other styles, in which
// lines are folded and characters escaped.
type place struct {
	style  yaml.Style
	line   int // in the file, of the first line of the text
	col    int // of its first character; in a block, of the indentation's end
	folded string
}

// placeOf finds the place of a scalar.
func (s *source) placeOf(n *yaml.Node) place {
	p := place{style: n.Style & (yaml.LiteralStyle | yaml.FoldedStyle | yaml.SingleQuotedStyle | yaml.DoubleQuotedStyle), line: n.Line, col: n.Column}
	switch p.style {
	case yaml.LiteralStyle, yaml.FoldedStyle:
		p.line++
		p.col = 1
		for text := range strings.SplitSeq(n.Value, "\n") {
			// The first line that is not blank tells how far the block is
			// indented.
			if strings.TrimSpace(text) != "" {
				at := p.line
				for strings.TrimSpace(s.line(at)) == "" && s.seek(at+1) {
					at++
				}
				p.col = 1 + indentOf(s.line(at)) - indentOf(text)
				break
			}
		}
		if p.style == yaml.LiteralStyle {
			return p
		}
	}
	p.folded = s.scalar(n, p)
	return p
}

// scalar returns the source of a scalar, from its place to the end of its last
// line.
func (s *source) scalar(n *yaml.Node, p place) string {
	left := 0 // printable characters that are still to come
	for _, c := range n.Value {
		if !unicode.IsSpace(c) {
			left++
		}
	}
	var b strings.Builder
	closed := closer{style: p.style}
	for at := p.line; s.seek(at); at++ {
		text := s.line(at)
		if at == p.line && p.style != yaml.FoldedStyle {
			text = s.from(at, p.col)
		}
		if at > p.line {
			b.WriteByte('\n')
		}
		b.WriteString(text)
		if closed.quoted() {
			if closed.line(text) {
				break
			}
			continue
		}
		for _, c := range text {
			if !unicode.IsSpace(c) {
				left--
			}
		}
		if left <= 0 {
			break
		}
	}
	return b.String()
}

// closer finds the end of a quoted scalar, line by line.
type closer struct {
	style  yaml.Style
	opened bool
}

func (c *closer) quoted() bool {
	return c.style == yaml.SingleQuotedStyle || c.style == yaml.DoubleQuotedStyle
}

// line reports whether the scalar ends in this line.
func (c *closer) line(text string) bool {
	quote := byte('"')
	if c.style == yaml.SingleQuotedStyle {
		quote = '\''
	}
	for i := 0; i < len(text); i++ {
		switch {
		case !c.opened:
			c.opened = true // the quote it begins with
		case quote == '"' && text[i] == '\\':
			i++
		case text[i] == quote && quote == '\'' && i+1 < len(text) && text[i+1] == quote:
			i++
		case text[i] == quote:
			return true
		}
	}
	return false
}

func indentOf(line string) int { return len(line) - len(strings.TrimLeft(line, " ")) }

// finder turns positions in a text, line and column from 1, into those in the
// file. Asked in the order of the text, it reads the text once.
type finder struct {
	place
	value string
	marks []mark // of the printable characters in the source

	rest      string // of the value, from the position on that was asked last
	line, col int
	n         int // printable characters before it
}

func (p place) finder(value string) *finder {
	return &finder{place: p, value: value, rest: value, line: 1, col: 1}
}

func (f *finder) at(line, col int) (int, int) {
	switch p := f.place; {
	case p.line == 0: // not from a file
		return line, col
	case p.style == yaml.LiteralStyle:
		return p.line + line - 1, p.col + col - 1
	}
	if f.marks == nil {
		first := f.place.col
		if f.style == yaml.FoldedStyle {
			first = 1
		}
		f.marks = printable(f.style, f.folded, f.place.line, first)
	}
	if line < f.line || line == f.line && col < f.col {
		f.rest, f.line, f.col, f.n = f.value, 1, 1, 0
	}
	// The printable characters of the text are those of its source, in the same
	// order; only white space is folded.
	for f.rest != "" && (f.line < line || f.line == line && f.col < col) {
		r, size := utf8.DecodeRuneInString(f.rest)
		f.rest = f.rest[size:]
		if !unicode.IsSpace(r) {
			f.n++
		}
		if f.col++; r == '\n' {
			f.line, f.col = f.line+1, 1
		}
	}
	here, _ := utf8.DecodeRuneInString(f.rest)
	switch {
	case f.n < len(f.marks) && f.rest != "" && !unicode.IsSpace(here):
		return f.marks[f.n].line, f.marks[f.n].col
	case f.n > 0 && f.n <= len(f.marks):
		return f.marks[f.n-1].line, f.marks[f.n-1].col + 1
	}
	return f.place.line, f.place.col
}

type mark struct{ line, col int }

// printable returns where the printable characters of a scalar stand in its
// source, which begins at a line and a column.
func printable(style yaml.Style, source string, line, col int) []mark {
	var marks []mark
	runes := []rune(source)
	i := 0
	if style == yaml.SingleQuotedStyle || style == yaml.DoubleQuotedStyle {
		i, col = 1, col+1 // the opening quote
	}
	for i < len(runes) {
		r, width := runes[i], 1
		shown := !unicode.IsSpace(r)
		switch {
		case style == yaml.SingleQuotedStyle && r == '\'':
			if i+1 >= len(runes) || runes[i+1] != '\'' {
				return marks
			}
			width = 2
		case style == yaml.DoubleQuotedStyle && r == '"':
			return marks
		case style == yaml.DoubleQuotedStyle && r == '\\' && i+1 < len(runes):
			width, shown = escape(runes[i+1:])
		}
		if shown {
			marks = append(marks, mark{line, col})
		}
		if r == '\n' {
			line, col = line+1, 1
		} else {
			col += width
		}
		if r == '\\' && style == yaml.DoubleQuotedStyle && i+1 < len(runes) && runes[i+1] == '\n' {
			line, col = line+1, 1
		}
		i += width
	}
	return marks
}

// escape returns how long an escape is, with its backslash, and whether what it
// stands for is printable.
func escape(after []rune) (width int, shown bool) {
	digits := 0
	switch after[0] {
	case 'x':
		digits = 2
	case 'u':
		digits = 4
	case 'U':
		digits = 8
	case 'n', 't', '\t', 'r', 'v', 'f', ' ', '\n', 'N', '_', 'L', 'P':
		return 2, false
	default:
		return 2, true
	}
	var c rune
	for i := 1; i <= digits && i < len(after); i++ {
		d := strings.IndexRune("0123456789abcdef", unicode.ToLower(after[i]))
		c = c<<4 | rune(max(d, 0))
	}
	return 2 + digits, !unicode.IsSpace(c)
}
