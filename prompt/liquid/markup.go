package liquid

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// A word is a token of the markup inside an object or a tag.
type word struct {
	kind wordKind
	text string // a string's without its quotes
	at   int    // byte offset in the source
	end  int
}

type wordKind int

const (
	endWord wordKind = iota
	nameWord
	stringWord
	numberWord
	compareWord // == != <> < > <= >=
	dotsWord
	signWord // | . : , [ ] ( ) =
)

// markup reads the words of one object or tag. A fault ends the reading of this markup through a bailout, which
// parser.within recovers.
type markup struct {
	p     *parser
	words []word
	i     int
	deep  int
}

type bailout struct{}

func (m *markup) fail(at int, rule, message, hint string) {
	m.p.problem(at, rule, message, hint)
	panic(bailout{})
}

// within calls read with the words of a markup and returns whether it read all of it without a problem.
func (p *parser) within(source string, at int, read func(*markup)) (ok bool) {
	defer func() {
		if r := recover(); r != nil {
			if _, expected := r.(bailout); !expected {
				panic(r)
			}
			ok = false
		}
	}()
	m := &markup{p: p, words: p.words[:0]}
	m.split(source, at)
	p.words = m.words
	read(m)
	if w := m.peek(); w.kind != endWord {
		m.unexpected(w)
	}
	return true
}

func (m *markup) split(s string, base int) {
	i := 0
	add := func(kind wordKind, n int) {
		m.words = append(m.words, word{kind: kind, text: s[i : i+n], at: base + i, end: base + i + n})
		i += n
	}
	for i < len(s) {
		c := s[i]
		r, size := utf8.DecodeRuneInString(s[i:])
		switch {
		case strings.IndexByte(space, c) >= 0:
			i++
		case c == '"' || c == '\'':
			n := strings.IndexByte(s[i+1:], c)
			if n < 0 {
				m.fail(base+i, RuleSyntax, "this string is not closed", "a string holds neither its own quote nor }} or %}; put such text into {% capture %} with {% raw %}")
			}
			m.words = append(m.words, word{kind: stringWord, text: s[i+1 : i+1+n], at: base + i, end: base + i + n + 2})
			i += n + 2
		case isDigit(c) || c == '-' && i+1 < len(s) && isDigit(s[i+1]):
			n := 1
			for i+n < len(s) && isDigit(s[i+n]) {
				n++
			}
			if i+n+1 < len(s) && s[i+n] == '.' && isDigit(s[i+n+1]) {
				for n++; i+n < len(s) && isDigit(s[i+n]); n++ {
				}
			}
			add(numberWord, n)
		case r == '_' || unicode.IsLetter(r):
			n := size
			for i+n < len(s) {
				r, size := utf8.DecodeRuneInString(s[i+n:])
				if r != '_' && r != '-' && !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.IsMark(r) {
					break
				}
				n += size
			}
			if i+n < len(s) && s[i+n] == '?' {
				n++
			}
			add(nameWord, n)
		case hasAny(s[i:], "==", "!=", "<>", "<=", ">="):
			add(compareWord, 2)
		case c == '<' || c == '>':
			add(compareWord, 1)
		case strings.HasPrefix(s[i:], ".."):
			add(dotsWord, 2)
		case strings.IndexByte("|.:,[]()=", c) >= 0:
			add(signWord, 1)
		case hasAny(s[i:], "&&", "||"):
			m.fail(base+i, RuleSyntax, "unexpected "+s[i:i+2], "Liquid says and, or")
		default:
			hint := ""
			switch c {
			case '{':
				hint = "an object or tag inside another is not Liquid; is a }} or %} missing before?"
			case '+', '*', '/', '%', '-':
				hint = "Liquid calculates with filters: a | plus: b, minus, times, divided_by, modulo"
			case '!':
				hint = "Liquid negates with {% unless %} or =="
			}
			m.fail(base+i, RuleSyntax, "unexpected "+string(r), hint)
		}
	}
	m.words = append(m.words, word{kind: endWord, at: base + len(strings.TrimRight(s, space)), end: base + len(s)})
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func hasAny(s string, prefixes ...string) bool {
	return slices.ContainsFunc(prefixes, func(prefix string) bool { return strings.HasPrefix(s, prefix) })
}

func (m *markup) peek() word { return m.words[m.i] }

func (m *markup) next() word {
	w := m.words[m.i]
	if w.kind != endWord {
		m.i++
	}
	return w
}

func (m *markup) unexpected(w word) {
	switch {
	case w.kind == endWord:
		m.fail(w.at, RuleSyntax, "something is missing here", "")
	case w.text == "=":
		m.fail(w.at, RuleSyntax, "unexpected =", "compare with ==")
	default:
		m.fail(w.at, RuleSyntax, "unexpected "+m.p.source[w.at:w.end], "")
	}
}

// sign consumes one of the signs, and says whether it was there.
func (m *markup) sign(sign string) bool {
	if w := m.peek(); w.kind == signWord && w.text == sign {
		m.i++
		return true
	}
	return false
}

// keyword consumes a name, and says whether it was there.
func (m *markup) keyword(name string) bool {
	if w := m.peek(); w.kind == nameWord && w.text == name {
		m.i++
		return true
	}
	return false
}

// label consumes "name:" and returns the name's word.
func (m *markup) label() (word, bool) {
	w := m.peek()
	if w.kind == nameWord && m.words[m.i+1].kind == signWord && m.words[m.i+1].text == ":" {
		m.i += 2
		return w, true
	}
	return word{}, false
}

// name consumes a name that a tag defines.
func (m *markup) name(what string) word {
	w := m.next()
	switch {
	case w.kind != nameWord:
		m.fail(w.at, RuleSyntax, "the name of "+what+" is missing here", "")
	case isReserved(w.text):
		m.fail(w.at, RuleSyntax, w.text+" cannot be the name of "+what, "the word means something in Liquid; choose another")
	case strings.HasSuffix(w.text, "?"):
		m.fail(w.at, RuleSyntax, "a name cannot end in ?", "")
	}
	return w
}

func isReserved(name string) bool {
	switch name {
	case "nil", "null", "true", "false", "empty", "blank", "forloop", "tablerowloop", "and", "or", "contains", "in":
		return true
	}
	return false
}
