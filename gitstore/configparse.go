package gitstore

import (
	"bytes"
	"fmt"
	"strings"
)

// parseConfig reads one configuration file, as git-config(1) describes its
// syntax.
func parseConfig(raw []byte) ([]configValue, error) {
	raw = bytes.TrimPrefix(raw, []byte("\xef\xbb\xbf"))
	p := &configParser{text: strings.ReplaceAll(string(raw), "\r\n", "\n"), line: 1}
	var values []configValue
	section := ""
	for {
		p.space()
		switch c := p.peek(); {
		case p.done():
			return values, nil
		case c == '\n':
			p.next()
		case c == '#' || c == ';':
			p.comment()
		case c == '[':
			var err error
			if section, err = p.section(); err != nil {
				return nil, err
			}
		case isLetter(c) && section != "":
			v, err := p.variable()
			if err != nil {
				return nil, err
			}
			v.key = section + "." + v.key
			values = append(values, v)
		default:
			return nil, p.bad("unexpected %q", c)
		}
	}
}

type configParser struct {
	text string
	pos  int
	line int
}

func (p *configParser) done() bool { return p.pos >= len(p.text) }

func (p *configParser) peek() byte {
	if p.done() {
		return 0
	}
	return p.text[p.pos]
}

func (p *configParser) next() byte {
	c := p.peek()
	p.pos++
	if c == '\n' {
		p.line++
	}
	return c
}

func (p *configParser) bad(format string, args ...any) error {
	return fmt.Errorf("line %d: %s", p.line, fmt.Sprintf(format, args...))
}

func (p *configParser) space() {
	for c := p.peek(); c == ' ' || c == '\t' || c == '\r'; c = p.peek() {
		p.next()
	}
}

func (p *configParser) comment() {
	for !p.done() && p.peek() != '\n' {
		p.next()
	}
}

// section reads [name], [name "subsection"] or the old [name.subsection].
func (p *configParser) section() (string, error) {
	p.next()
	start := p.pos
	for c := p.peek(); isLetter(c) || isDigit(c) || c == '-' || c == '.'; c = p.peek() {
		p.next()
	}
	name := strings.ToLower(p.text[start:p.pos])
	if name == "" {
		return "", p.bad("section without a name")
	}
	p.space()
	if p.peek() == '"' {
		p.next()
		var sub strings.Builder
		for p.peek() != '"' {
			c := p.next()
			if c == '\\' {
				c = p.next()
			}
			if p.pos > len(p.text) || c == '\n' {
				return "", p.bad("subsection does not end")
			}
			sub.WriteByte(c)
		}
		p.next()
		name += "." + sub.String()
	}
	if p.next() != ']' {
		return "", p.bad("section does not end with ]")
	}
	return name, nil
}

func (p *configParser) variable() (configValue, error) {
	start := p.pos
	for c := p.peek(); isLetter(c) || isDigit(c) || c == '-'; c = p.peek() {
		p.next()
	}
	v := configValue{key: strings.ToLower(p.text[start:p.pos])}
	p.space()
	switch c := p.peek(); {
	case p.done() || c == '\n' || c == '#' || c == ';':
		v.bare = true
		return v, nil
	case c != '=':
		return v, p.bad("unexpected %q after %s", c, v.key)
	}
	p.next()
	p.space()
	value, err := p.value()
	v.value = value
	return v, err
}

func (p *configParser) value() (string, error) {
	var out strings.Builder
	quoted := false
	spaces := 0 // seen outside quotes and dropped when nothing follows
	for {
		if p.done() {
			if quoted {
				return "", p.bad("value does not end")
			}
			return out.String(), nil
		}
		c := p.next()
		switch {
		case c == '\n':
			if quoted {
				return "", p.bad("value does not end")
			}
			return out.String(), nil
		case !quoted && (c == '#' || c == ';'):
			p.comment()
			continue
		case !quoted && (c == ' ' || c == '\t' || c == '\r'):
			spaces++
			continue
		}
		for ; spaces > 0; spaces-- {
			out.WriteByte(' ')
		}
		switch c {
		case '"':
			quoted = !quoted
		case '\\':
			switch e := p.next(); e {
			case '\n':
			case 'n':
				out.WriteByte('\n')
			case 't':
				out.WriteByte('\t')
			case 'b':
				out.WriteByte('\b')
			case '\\', '"':
				out.WriteByte(e)
			default:
				return "", p.bad("unknown escape \\%c", e)
			}
		default:
			out.WriteByte(c)
		}
	}
}

func isLetter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }
func isDigit(c byte) bool  { return c >= '0' && c <= '9' }
