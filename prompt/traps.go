package prompt

import (
	"fmt"
	"regexp"
	"sort"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// The YAML parser says what it expected; an author wants to know what to write.
// A trap is a line that authors of prompts get wrong, with the way out.
type trap struct {
	pattern *regexp.Regexp // its first group stands where the problem is
	message string
	hint    string
}

// A value begins after indentation, dashes and perhaps a key.
const (
	keyed = `^ *(?:- +)*["']?[\w.$-]+["']?: +`
	start = `^ *(?:- +)*(?:["']?[\w.$-]+["']?: +)?`
)

var traps = []trap{
	{
		regexp.MustCompile(`^ *(\t)`),
		"a tab is used as indentation", "indent with spaces",
	},
	{
		regexp.MustCompile(start + `(\{\{|\{%)`),
		"a value that begins with a brace must be quoted", `write "{{ … }}" in quotes, or begin a block with |- and put the text below it`,
	},
	{
		regexp.MustCompile(start + `([@` + "`" + `%])`),
		"a value cannot begin with this character", "put the value in quotes",
	},
	{
		regexp.MustCompile(start + `(\*[^\s].*)`),
		"a value that begins with * is an alias, which prompts do not have", "put the value in quotes",
	},
	{
		regexp.MustCompile(keyed + `([^\s"'\[{|>&*!#%@` + "`" + `][^"]*?:(?: .*)?)$`),
		"a colon and a space inside of a value make it a key", "put the value in quotes, or begin a block with |- and put the text below it",
	},
	{
		regexp.MustCompile(start + `("(?:[^"\\]|\\.)*" *[^\s#,:\]}].*|'(?:[^']|'')*' *[^\s#,:'\]}].*)$`),
		"text follows the closing quote", "put the whole value in quotes, or begin a block with |- and put the text below it",
	},
	{
		regexp.MustCompile(keyed + `(\[[^\[\]]*\] *[^\s#].*|\{[^{}]*\} *[^\s#}].*)$`),
		"text follows the closing bracket", "put the whole value in quotes when it is text",
	},
	{
		regexp.MustCompile(keyed + `([|>](?:[^\s+0-9-]|[+0-9-]*[ \t]+[^\s#]).*)$`),
		"text follows in the line of a block's beginning", "put the text on the next lines, indented further than its key, or the value in quotes",
	},
	{
		regexp.MustCompile(keyed + `([-?] .*)$`),
		"a list cannot begin beside its key", "put it on the next line, or the value in quotes when it is text",
	},
	{
		regexp.MustCompile(keyed + `([,\]}].*)$`),
		"a value cannot begin with this character", "put the value in quotes",
	},
	{
		regexp.MustCompile(`^ *(?:- +)*([\w.$-]+:[^\s/].*)$`),
		"a space is missing after the colon", "write `key: value`",
	},
}

// blockHeader matches a line that begins a block scalar.
var blockHeader = regexp.MustCompile(`(?:^|[:\s-] ?)[|>][+-]?[1-9]?[+-]?[ \t]*(?:#.*)?$`)

var reported = regexp.MustCompile(`^(?:yaml: )?(?:line (\d+): )?(.*)$`)

// diagnose turns the parser's error into a problem at the place where an
// author has to do something.
func (s *source) diagnose(err error) Problem {
	m := reported.FindStringSubmatch(strings.ReplaceAll(err.Error(), "\n", " "))
	line, _ := strconv.Atoi(m[1])
	said := m[2]
	at, col, t := s.trap()
	if t != nil {
		return Problem{Line: at, Col: col, Rule: ruleYAML, Message: t.message, Hint: t.hint}
	}
	line = max(line, 1)
	if strings.HasPrefix(said, "did not find expected") {
		line = s.brokenLine(said, line)
	}
	p := Problem{Line: line, Col: 1 + indentOf(s.line(line)), Rule: ruleYAML, Message: said}
	switch {
	case strings.Contains(said, "unexpected end of stream"):
		p.Message, p.Hint = "the value is not closed", "close the quote or bracket that opens here"
		if at > 0 {
			p.Line, p.Col = at, col
		} else {
			p.Col = s.column(line, strings.IndexAny(s.line(line), `"'[{`))
		}
	case strings.Contains(said, "could not find expected ':'"):
		p.Message, p.Hint = "this line is neither a key nor part of a value", "write `key: value`, or indent the line further than the key whose text it is"
	case strings.Contains(said, "did not find expected key"):
		p.Message, p.Hint = "this line does not belong to the lines above", "indent it like the keys it belongs to; a text of several lines goes below |- and is indented further than its key"
	case strings.Contains(said, "did not find expected '-' indicator"):
		p.Message, p.Hint = "this line does not belong to the list above", "begin it with - or indent it like the item it belongs to"
	case strings.Contains(said, "did not find expected ',' or"):
		p.Message, p.Hint = "a bracket or a comma is missing", "close what [ or { opened, and put commas between its items"
		p.Col = s.column(line, strings.IndexAny(s.line(line), "[{"))
	case strings.Contains(said, "mapping values are not allowed"):
		p.Message, p.Hint = "a key cannot stand here", "indent it like the other keys; put a value that contains a colon and a space in quotes"
		if before := s.before(line); before > 0 && !strings.Contains(s.line(before), ":") && indentOf(s.line(before)) == indentOf(s.line(line)) {
			p.Line, p.Message, p.Hint = before, "a colon is missing in this line", "write `key: value`"
		}
	case strings.Contains(said, "control characters are not allowed"):
		p.Message = "the file contains a control character"
		p.Line, p.Col = s.controlCharacter()
	case strings.Contains(said, "unknown anchor"):
		p.Message, p.Hint = "a value that begins with * is an alias, which prompts do not have", "put the value in quotes"
	case strings.Contains(said, "found unknown escape character"):
		p.Message, p.Hint = `a backslash in "double quotes" must be doubled`, `write \\, or use 'single quotes'`
		if m := badEscape.FindStringSubmatchIndex(s.line(line)); m != nil {
			p.Col = s.column(line, m[2])
		}
	case strings.Contains(said, "found a tab character"):
		p.Message, p.Hint = "a tab is used as indentation", "indent with spaces; text that begins with a tab goes into \"double quotes\" as \\t"
		for n := line; n <= len(s.lines()); n++ { // the parser is at times a line early
			if m := tabbed.FindStringIndex(s.line(n)); m != nil {
				p.Line, p.Col = n, m[1]
				break
			}
		}
		if strings.TrimSpace(s.line(p.Line)) == "" {
			p.Hint = "remove it: the line is blank"
		}
	case strings.Contains(said, "exceeded max depth"):
		p.Message = fmt.Sprintf("values are nested more than %d levels deep", maxDepth)
	}
	return p
}

// tabbed matches a line up to the first tab of its indentation.
var tabbed = regexp.MustCompile(`^ *\t`)

// badEscape finds the first backslash that begins no escape.
var badEscape = regexp.MustCompile(`^(?:[^\\]|\\[0abt\tnvfre "/\\N_LPxuU])*(\\)`)

// column turns an offset in a line into a column; one that is not there into the
// line's first.
func (s *source) column(line, offset int) int {
	text := s.line(line)
	if offset < 0 {
		offset = indentOf(text)
	}
	return 1 + utf8.RuneCountInString(text[:offset])
}

// trap finds the first line that is one of the traps, outside of block scalars
// and of quoted text of several lines. Without one, it returns where a quote
// opens that nothing closes, if that is so.
func (s *source) trap() (line, col int, found *trap) {
	block := -1 // the indentation that the lines of a block exceed
	var open *closer
	for i, text := range s.lines() {
		if open != nil {
			if open.line(text) {
				open = nil
			}
			continue
		}
		if strings.TrimSpace(text) == "" || strings.HasPrefix(strings.TrimSpace(text), "#") {
			continue
		}
		if block >= 0 {
			if indentOf(text) > block {
				continue
			}
			block = -1
		}
		if header := blockHeader.FindStringIndex(text); header != nil {
			block = keyColumn(text)
			continue
		}
		for k := range traps {
			if m := traps[k].pattern.FindStringSubmatchIndex(text); m != nil {
				return i + 1, 1 + utf8.RuneCountInString(text[:m[2]]), &traps[k]
			}
		}
		if open = opens(text); open != nil {
			line, col = i+1, s.column(i+1, quotedValue.FindStringSubmatchIndex(text)[2])
		}
	}
	if open == nil {
		return 0, 0, nil
	}
	return line, col, nil
}

// before returns the last line before one that says something, 0 when there is
// none.
func (s *source) before(line int) int {
	for line--; line > 0; line-- {
		if text := strings.TrimSpace(s.line(line)); text != "" && text[0] != '#' {
			return line
		}
	}
	return 0
}

// keyColumn is where the key of a line begins: what lies deeper is its value.
func keyColumn(text string) int {
	col := indentOf(text)
	for strings.HasPrefix(text[col:], "- ") {
		next := col + 1
		for next < len(text) && text[next] == ' ' {
			next++
		}
		if next < len(text) && (text[next] == '|' || text[next] == '>') {
			return col
		}
		col = next
	}
	return col
}

var quotedValue = regexp.MustCompile(start + `(["'])`)

// opens returns what would close a quoted value that a line leaves open.
func opens(text string) *closer {
	m := quotedValue.FindStringSubmatchIndex(text)
	if m == nil {
		return nil
	}
	c := &closer{style: yaml.DoubleQuotedStyle}
	if text[m[2]] == '\'' {
		c.style = yaml.SingleQuotedStyle
	}
	if c.line(text[m[2]:]) {
		return nil
	}
	return c
}

// brokenLine finds the line that a complaint is about, for the parser names
// the one where the surrounding value began: the first after which the file, cut
// off there, gets the same complaint.
func (s *source) brokenLine(said string, from int) int {
	lines := s.lines()
	return from + sort.Search(len(lines)-from, func(n int) bool {
		_, err := decodeYAML([]byte(strings.Join(lines[:from+n], "\n") + "\n"))
		return err != nil && strings.HasSuffix(err.Error(), said)
	})
}

func (s *source) controlCharacter() (line, col int) {
	for i, text := range s.lines() {
		at := 0
		for _, c := range text {
			at++
			if c < ' ' && c != '\t' || c >= 0x7f && c < 0xa0 && c != 0x85 {
				return i + 1, at
			}
		}
	}
	return 1, 1
}
