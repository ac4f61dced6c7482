package prompt

import "strings"

// flow reads a value in quotes or brackets, which may go on over several lines.
type flow struct {
	depth int
	quote byte // the one that is open, 0 for none
	fresh bool // a quote here would begin a text
	begun bool
	done  bool
}

// line reads the part of the value that a line has, from an offset on, and what
// follows its end. It returns the offset behind that end.
func (f *flow) line(l *line, at int) int {
	if !f.begun {
		f.begun, f.fresh = true, true
	}
	for i := at; i < len(l.text) && !f.done; i++ {
		at = i + 1
		switch c := l.text[i]; {
		case f.quote == '"' && c == '\\':
			i++
		case f.quote != 0:
			if c != f.quote {
				break
			}
			if c == '\'' && i+1 < len(l.text) && l.text[i+1] == '\'' {
				i++
				break
			}
			f.quote, f.fresh = 0, false
			f.done = f.depth == 0
		case (c == '"' || c == '\'') && f.fresh:
			f.quote = c
		case c == '{' || c == '[':
			f.depth++
			f.fresh = true
		case c == '}' || c == ']':
			f.depth--
			f.fresh, f.done = false, f.depth == 0
		case c == ',' || c == ':' && (blankAt(l.text, i+1) || i > 0 && l.text[i-1] == '"'):
			f.fresh = true
		case c == '#' && (i == 0 || blankAt(l.text, i-1)):
			l.comment = i
			return i
		case c != ' ' && c != '\t':
			f.fresh = false
		}
	}
	if f.done {
		l.comment = commentIn(l.text, at)
		return at
	}
	l.open = f.quote == '"' && strings.HasSuffix(strings.TrimRight(l.text, " \t"), `\`)
	return at
}

// keyEnd returns the offset behind the colon of the key that stands at an
// offset, 0 when there stands none.
func keyEnd(text string, at int) int {
	switch c := text[at]; c {
	case '|', '>', '#':
		return 0
	case '"', '\'', '{', '[':
		f := flow{}
		end := f.line(&line{text: text}, at)
		for end < len(text) && (text[end] == ' ' || text[end] == '\t') {
			end++
		}
		if f.done && end < len(text) && text[end] == ':' && blankAt(text, end+1) {
			return end + 1
		}
		return 0
	}
	end := len(text)
	if comment := commentIn(text, at); comment >= 0 {
		end = comment
	}
	for i := at; i < end; i++ {
		if text[i] == ':' && blankAt(text, i+1) {
			return i + 1
		}
	}
	return 0
}

// commentIn returns the offset of the comment beside a value without quotes, from
// an offset on, -1 when there is none.
func commentIn(text string, at int) int {
	for i := at; i < len(text); i++ {
		if text[i] == '#' && (i == 0 || blankAt(text, i-1)) {
			return i
		}
	}
	return -1
}

// blankAt reports whether a space, a tab or the end of the text is at an offset.
func blankAt(text string, at int) bool {
	return at >= len(text) || text[at] == ' ' || text[at] == '\t'
}

// isMark reports whether a line begins or ends a document.
func isMark(text string) bool {
	return (strings.HasPrefix(text, "---") || strings.HasPrefix(text, "...")) && blankAt(text, 3)
}
