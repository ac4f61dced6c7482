package liquid

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

const (
	maxNesting  = 100 // blocks in one another
	maxProblems = 100 // reported of one source
)

// A parser makes a tree of nodes of a source, and keeps account of the names in it.
type parser struct {
	place
	seen     struct{ at, line, col int } // the last place asked for: the next one is mostly not far behind
	problems []Problem
	tokens   []token
	i        int
	open     []token // blocks around what is read now, outermost first
	liquids  int     // {% liquid %} tags so far
	words    []word  // room for those of one markup

	assigned  map[string]bool // by the template, up to here
	looping   []string        // variables of the loops around what is read now
	loops     int
	variables []Reference
	partials  []Partial
	openLoop  *Reference
}

// A body is a run of nodes. One that prints nothing but whitespace prints nothing at all inside a block.
type body struct {
	nodes []any
	blank bool
}

func newParser(source string) *parser {
	return &parser{place: place{source}, assigned: map[string]bool{}}
}

// position is place.position, without beginning anew each time.
func (p *parser) position(at int) (line, col int) {
	last := p.seen
	if last.line == 0 {
		last.line, last.col = 1, 1
	}
	between := p.source[min(at, last.at):max(at, last.at)]
	switch lines := strings.Count(between, "\n"); {
	case at < last.at && lines == 0:
		line, col = last.line, last.col-utf8.RuneCountInString(between)
	case at < last.at:
		start := strings.LastIndexByte(p.source[:at], '\n') + 1
		line, col = last.line-lines, 1+utf8.RuneCountInString(p.source[start:at])
	case lines == 0:
		line, col = last.line, last.col+utf8.RuneCountInString(between)
	default:
		line, col = last.line+lines, 1+utf8.RuneCountInString(between[strings.LastIndexByte(between, '\n')+1:])
	}
	p.seen.at, p.seen.line, p.seen.col = at, line, col
	return line, col
}

func (p *parser) problem(at int, rule, message, hint string) {
	if len(p.problems) >= maxProblems {
		return
	}
	line, col := p.position(at)
	p.problems = append(p.problems, Problem{Line: line, Col: col, Rule: rule, Message: visible(message), Hint: hint})
}

func (p *parser) sorted() []Problem {
	slices.SortStableFunc(p.problems, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Col, b.Col))
	})
	return slices.CompactFunc(p.problems, func(a, b Problem) bool { return a == b })
}

// refer notes the use of a variable and returns whether it is free.
func (p *parser) refer(w word) bool {
	if slices.Contains(p.looping, w.text) || p.assigned[w.text] {
		return false
	}
	line, col := p.position(w.at)
	r := Reference{Name: w.text, Line: line, Col: col}
	switch w.text {
	case "forloop", "tablerowloop":
		if p.loops > 0 {
			return false
		}
		if p.openLoop == nil {
			p.openLoop = &r
		}
		return true
	}
	p.variables = append(p.variables, r)
	return true
}

func (p *parser) parse() *body {
	if !utf8.ValidString(p.source) {
		p.problem(0, RuleSyntax, "this template is not valid UTF-8", "")
		return nil
	}
	p.tokens = p.scan()
	b, _ := p.body()
	slices.SortFunc(p.variables, func(a, b Reference) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Col, b.Col))
	})
	return b
}

// body reads nodes up to the end of the source or a tag that ends or divides the innermost open block.
func (p *parser) body() (b *body, end *token) {
	b = &body{blank: true}
	for p.i < len(p.tokens) && len(p.problems) < maxProblems {
		t := p.tokens[p.i]
		p.i++
		switch t.kind {
		case textToken:
			b.add(textNode(t.text), strings.Trim(t.text, space) == "")
		case rawToken:
			b.add(rawNode(t.text), t.text == "")
		case objectToken:
			b.blank = false
			if strings.Trim(t.markup, space) == "" {
				p.problem(t.at, RuleSyntax, "this object is empty", "")
			} else if n, _, ok := p.output(t); ok {
				b.add(n, false)
			}
		case liquidEndToken:
			if len(p.open) > 0 && p.open[len(p.open)-1].liquid == t.liquid {
				p.i--
				return b, nil // the block reports that it is not closed
			}
		case tagToken:
			if read := p.tag(t.name); read != nil {
				if n, blank, ok := read(t); ok {
					b.add(n, blank)
				}
			} else if p.ends(t) {
				return b, &t
			}
		}
	}
	return b, nil
}

func (b *body) add(n any, blank bool) {
	b.nodes = append(b.nodes, n)
	b.blank = b.blank && blank
}

// clauses are the tags that divide and end a block.
var clauses = map[string][]string{
	"if":        {"elsif", "else", "endif"},
	"unless":    {"elsif", "else", "endunless"},
	"case":      {"when", "else", "endcase"},
	"for":       {"else", "endfor"},
	"tablerow":  {"endtablerow"},
	"capture":   {"endcapture"},
	"ifchanged": {"endifchanged"},
}

// ends says whether a tag ends or divides the innermost block. Any other tag is a problem.
func (p *parser) ends(t token) bool {
	var inner *token
	if len(p.open) > 0 {
		inner = &p.open[len(p.open)-1]
		if slices.Contains(clauses[inner.name], t.name) {
			if inner.liquid == t.liquid {
				return true
			}
			p.problem(t.nameAt, RuleSyntax, t.name+" stands on the other side of a liquid tag than its "+inner.name, "open and close a block in the same liquid tag")
			return false
		}
	}
	switch {
	case t.name == "include":
		p.problem(t.nameAt, RuleUnsupported, "include is not part of the dialect", `write {% render "name", argument: value %}: a partial sees only what it is given`)
	case t.name == "else" && inner != nil && slices.Contains([]string{"tablerow", "capture", "ifchanged"}, inner.name):
		p.problem(t.nameAt, RuleSyntax, inner.name+" has no else", "")
	case t.name == "elseif" || t.name == "elif":
		p.problem(t.nameAt, RuleUnknownTag, "unknown tag "+t.name, "write elsif")
	case t.name == "when" || t.name == "else" || t.name == "elsif" || isEnd(t.name):
		hint := ""
		if inner != nil {
			line, _ := p.position(inner.at)
			hint = "the block that is open here is " + inner.name + ", from line " + strconv.Itoa(line)
			if inner.name == "case" {
				hint += "; its text begins with {% when %}"
			}
		}
		p.problem(t.nameAt, RuleSyntax, t.name+" does not belong here", hint)
	default:
		p.problem(t.nameAt, RuleUnknownTag, "unknown tag "+t.name, nearestHint(t.name, tagNames))
	}
	return false
}

func isEnd(name string) bool {
	block, is := strings.CutPrefix(name, "end")
	_, known := clauses[block]
	return is && (known || block == "comment" || block == "raw" || block == "doc")
}

// section reads one body of the block that t opens and the tag behind it, which is nil when the block is not closed.
func (p *parser) section(t token) (*body, *token) {
	if len(p.open) >= maxNesting {
		p.problem(t.at, RuleUnsupported, "blocks are nested too deeply", "move the inner ones into a partial")
		p.i = len(p.tokens)
		return &body{}, nil
	}
	p.open = append(p.open, t)
	b, end := p.body()
	p.open = p.open[:len(p.open)-1]
	if end == nil && len(p.problems) < maxProblems {
		closer := clauses[t.name][len(clauses[t.name])-1]
		p.problem(t.at, RuleSyntax, t.name+" is not closed: {% "+closer+" %} is missing", "")
	}
	return b, end
}

// simple reads a block without clauses.
func (p *parser) simple(t token) (*body, bool) {
	b, end := p.section(t)
	if end != nil {
		p.noArguments(*end)
	}
	return b, end != nil
}

// strip removes the whitespace of bodies that would print nothing else.
func strip(blank bool, bodies ...*body) {
	if !blank {
		return
	}
	for _, b := range bodies {
		if b != nil {
			b.nodes = slices.DeleteFunc(b.nodes, func(n any) bool {
				_, is := n.(textNode)
				return is
			})
		}
	}
}
