package liquid

import (
	"regexp"
	"strings"
)

// A token is a piece of the source between delimiters.
type token struct {
	kind   tokenKind
	at     int    // byte offset in the source
	text   string // text, verbatim; whitespace control already applied
	name   string // of a tag
	nameAt int
	markup string // what an object or a tag says, without delimiters and name
	mark   int    // byte offset of markup
	liquid int    // which {% liquid %} tag a line of one belongs to; 0 for none
}

type tokenKind int

const (
	textToken tokenKind = iota
	rawToken            // the inside of {% raw %}: text that is never blank
	objectToken
	tagToken
	silentToken    // a comment: it prints nothing and counts as blank
	liquidEndToken // the end of a {% liquid %} tag
)

const space = " \t\n\v\f\r" // what Liquid trims and calls blank; other whitespace is text

var (
	endRaw    = regexp.MustCompile(`\{%-?\s*endraw\s*(-?)%\}`)
	endDoc    = regexp.MustCompile(`\{%-?\s*enddoc\s*(-?)%\}`)
	inComment = regexp.MustCompile(`\{%-?\s*(comment|endcomment|raw)\b`)
)

// scan cuts the source into tokens. What is not closed is a problem, and the end of what is scanned.
func (p *parser) scan() []token {
	var (
		src  = p.source
		toks = make([]token, 0, 2*(strings.Count(src, "{{")+strings.Count(src, "{%"))+1)
		pos  = 0
		trim = false // the last delimiter asked to trim what follows
	)
	text := func(end int, trimEnd bool) {
		s := src[pos:end]
		if trim {
			s = strings.TrimLeft(s, space)
		}
		if trimEnd {
			s = strings.TrimRight(s, space)
		}
		if s != "" {
			toks = append(toks, token{kind: textToken, at: pos, text: s})
		}
		trim = false
	}
	for {
		at := openDelimiter(src, pos)
		if at < 0 {
			text(len(src), false)
			return toks
		}
		trimLeft := strings.HasPrefix(src[at+2:], "-")
		text(at, trimLeft)
		inner := at + 2
		if trimLeft {
			inner++
		}
		object := src[at+1] == '{'
		closer := "%}"
		if object {
			closer = "}}"
		}
		n := strings.Index(src[inner:], closer)
		if n < 0 {
			what, verbatim := "tag", "{% raw %}{%{% endraw %}"
			if object {
				what, verbatim = "object", "{% raw %}{{{% endraw %}"
			}
			p.problem(at, RuleSyntax, "this "+what+" is not closed: "+closer+" is missing", "to print the delimiter itself write "+verbatim)
			return toks
		}
		end := inner + n
		pos = end + 2
		if trim = end > inner && src[end-1] == '-'; trim {
			end--
		}
		if object {
			toks = append(toks, token{kind: objectToken, at: at, markup: src[inner:end], mark: inner})
			continue
		}
		from, to := tagName(src[inner:end])
		if from == to {
			p.problem(at, RuleSyntax, "this tag has no name", "")
			continue
		}
		t := token{kind: tagToken, at: at, name: src[inner+from : inner+to], nameAt: inner + from, markup: src[inner+to : end], mark: inner + to}
		switch t.name {
		case "raw", "doc":
			p.noArguments(t)
			re := endRaw
			if t.name == "doc" {
				re = endDoc
			}
			m := re.FindStringSubmatchIndex(src[pos:])
			if m == nil {
				p.problem(at, RuleSyntax, t.name+" is not closed: {% end"+t.name+" %} is missing", "")
				return toks
			}
			if t.name == "raw" {
				toks = append(toks, token{kind: rawToken, at: pos, text: src[pos : pos+m[0]]})
			} else {
				toks = append(toks, token{kind: silentToken, at: at})
			}
			trim = m[2] != m[3] // a dash on the inner sides does nothing, as in Liquid
			pos += m[1]
		case "comment":
			p.noArguments(t)
			end, trimRight, ok := skipComment(src, pos)
			if !ok {
				p.problem(at, RuleSyntax, "comment is not closed: {% endcomment %} is missing", "")
				return toks
			}
			toks = append(toks, token{kind: silentToken, at: at})
			pos, trim = end, trimRight
		case "#":
			p.inlineComment(t)
			toks = append(toks, token{kind: silentToken, at: at})
		case "liquid":
			toks = append(toks, p.liquidLines(t)...)
		default:
			toks = append(toks, t)
		}
	}
}

// tagName returns where the name that a tag begins with stands: # or letters,
// digits and _. The two are the same when there is none.
func tagName(s string) (from, to int) {
	for from < len(s) && strings.IndexByte(" \t\n\f\r", s[from]) >= 0 {
		from++
	}
	if from < len(s) && s[from] == '#' {
		return from, from + 1
	}
	for to = from; to < len(s); to++ {
		if c := s[to]; c != '_' && !isDigit(c) && (c|0x20 < 'a' || c|0x20 > 'z') {
			break
		}
	}
	return from, to
}

// openDelimiter returns the offset of the next {{ or {%, or -1.
func openDelimiter(src string, from int) int {
	for i := from; ; i++ {
		n := strings.IndexByte(src[i:], '{')
		if n < 0 || i+n+1 >= len(src) {
			return -1
		}
		i += n
		if c := src[i+1]; c == '{' || c == '%' {
			return i
		}
	}
}

// skipComment returns the offset behind the endcomment that closes the comment whose inside begins at pos. Nested
// comments and raw blocks count, all else in there is ignored.
func skipComment(src string, pos int) (end int, trim, ok bool) {
	for depth := 1; ; {
		m := inComment.FindStringSubmatchIndex(src[pos:])
		if m == nil {
			return 0, false, false
		}
		name := src[pos+m[2] : pos+m[3]]
		n := strings.Index(src[pos+m[3]:], "%}")
		if n < 0 {
			return 0, false, false
		}
		pos += m[3] + n + 2
		switch name {
		case "comment":
			depth++
		case "endcomment":
			if depth--; depth == 0 {
				return pos, src[pos-3] == '-', true
			}
		case "raw":
			if m := endRaw.FindStringIndex(src[pos:]); m != nil {
				pos += m[1]
			}
		}
	}
}

// liquidLines cuts a {% liquid %} tag into one token a line.
func (p *parser) liquidLines(t token) []token {
	p.liquids++
	id := p.liquids
	var toks []token
	comments, opened := 0, 0
	at := t.mark
	for line := range strings.SplitSeq(t.markup, "\n") {
		from, to := tagName(line)
		start := at
		at += len(line) + 1
		if from == to {
			if rest := strings.TrimLeft(line, space); rest != "" && comments == 0 {
				p.problem(start+len(line)-len(rest), RuleSyntax, "this line of a liquid tag does not begin with a tag", "print a value with echo")
			}
			continue
		}
		l := token{kind: tagToken, at: start + from, name: line[from:to], nameAt: start + from, markup: line[to:], mark: start + to, liquid: id}
		switch {
		case l.name == "comment":
			if comments++; comments == 1 {
				opened = l.at
			}
		case l.name == "endcomment" && comments > 0:
			comments--
		case comments > 0:
		case l.name == "#":
			toks = append(toks, token{kind: silentToken, at: l.at, liquid: id})
		case l.name == "raw" || l.name == "doc" || l.name == "liquid":
			p.problem(l.at, RuleUnsupported, l.name+" cannot stand in a liquid tag", "close the liquid tag before it")
		default:
			toks = append(toks, l)
		}
	}
	if comments > 0 {
		p.problem(opened, RuleSyntax, "comment is not closed: endcomment is missing in this liquid tag", "")
	}
	return append(toks, token{kind: liquidEndToken, at: t.at, liquid: id})
}

// inlineComment checks that each further line of {% # … %} is commented too: else it was probably meant to run.
func (p *parser) inlineComment(t token) {
	at := t.mark
	for i, line := range strings.Split(t.markup, "\n") {
		rest := strings.TrimLeft(line, space)
		if i > 0 && rest != "" && rest[0] != '#' {
			p.problem(at+len(line)-len(rest), RuleSyntax, "each line of an inline comment begins with #", "begin this line with #, or use {% comment %}")
			return
		}
		at += len(line) + 1
	}
}

func (p *parser) noArguments(t token) {
	if rest := strings.Trim(t.markup, space); rest != "" {
		p.problem(t.mark+strings.Index(t.markup, rest), RuleSyntax, t.name+" takes no arguments", "")
	}
}
