package liquid_test

import (
	"math/rand/v2"
	"strconv"
	"strings"
)

// An author writes templates of what ruby-liquid 5.4.0 knows, and values for them. What the language leaves open or
// its documentation and that version see differently is not written; docs/liquid.md lists it.
type author struct {
	*rand.Rand
	deep  int
	loops []string // variables of the loops around, innermost last
	line  bool     // inside {% liquid %}, a tag a line
	lone  bool     // a partial: it renders no other
}

func newAuthor(seed uint64) *author { return &author{Rand: rand.New(rand.NewPCG(seed, 1))} }

// question returns the next template with its values and partials.
func (a *author) question() question {
	q := question{With: a.values(), Partials: map[string]string{}}
	q.Template = a.nodes(1 + a.IntN(5))
	a.lone = true
	for _, name := range []string{"p", "q", "set/r"} {
		q.Partials[name] = "[" + a.nodes(1+a.IntN(2)) + "]"
	}
	a.lone = false
	return q
}

func (a *author) pick(s ...string) string { return s[a.IntN(len(s))] }

func (a *author) one(in int) bool { return a.IntN(in) == 0 }

func (a *author) maybe(in int, s string) string {
	if a.one(in) {
		return s
	}
	return ""
}

var (
	texts = []string{
		"", " ", "a", "Hello, World", "one two  three", " padded\t\n", "größe & Ünï", "a,b,,c,,", "<b class='x'>bold</b> & <i>it</i>", "line\nnext\r\nlast\n",
		"10", "3.7", "-4", "12abc", "2024-03-05", "x y z", "{{ n }}", "日本語", "&lt;&amp;", "a+b%20c", "YWJj", "Mississippi", "ABC def", "\"q\" 'r'", "0", "true",
	}
	whole    = []int{0, 1, 2, 3, 5, 7, 10, 12, -1, -3, -8, 100, 321}
	decimals = []float64{0.5, 1.5, 2.5, -0.25, 3.14159, 10.0, 100.75, -7.5, 0.1, 1e3}
)

func (a *author) values() map[string]any {
	text := func() any { return texts[a.IntN(len(texts))] }
	number := func() any { return whole[a.IntN(len(whole))] }
	decimal := func() any { return decimals[a.IntN(len(decimals))] }
	any1 := func() any {
		return []any{text(), number(), decimal(), true, false, nil, text(), number()}[a.IntN(8)]
	}
	list := func(item func() any) any {
		l := make([]any, a.IntN(6))
		for i := range l {
			l[i] = item()
		}
		return l
	}
	object := func() any {
		m := map[string]any{"name": text(), "n": number(), "g": a.pick("x", "y", "z"), "on": []any{true, false, nil}[a.IntN(3)]}
		if a.one(5) {
			m["n"] = nil
		}
		if a.one(8) {
			delete(m, "on")
		}
		return m
	}
	return map[string]any{
		"s": text(), "t": text(), "n": number(), "m": number(), "x": decimal(), "yes": true, "no": false, "nothing": nil,
		"list": list(text), "nums": list(number), "decs": list(decimal), "mixed": list(any1), "objs": list(object),
		"nested": []any{list(number), list(text), []any{}, number()},
		"map":    map[string]any{"a": number(), "b": text(), "c": list(text), "d": map[string]any{"k": text()}},
		"void":   []any{}, "any": any1(), "v": any1(), "w": text(),
	}
}

// text, number, list and other write an expression that is mostly of the kind.
func (a *author) text() string {
	switch a.IntN(10) {
	case 0:
		return a.any()
	case 1, 2:
		return strconv.Quote(a.pick("a", "b", " ", "", ",", "-", "lo", "l", "é", "x y", "abc", "10", "2.5", "<", "name"))
	case 3:
		return "'" + a.pick("it is", "", "A", "12", "ß") + "'"
	case 4:
		return a.pick("map.b", "map['b']", "list[0]", "list.first", "list.last", "list[-1]", "map.d.k", "objs[0].name", "objs.first.g")
	case 6:
		return strconv.Quote(a.pick("3.5", " 7 ", "-0", "1e3", "007", "+5", "-2.50", "1_000", "0x1f", "1.", ".5", "-", "12.5kg"))
	case 5:
		if len(a.loops) > 0 {
			return a.loops[a.IntN(len(a.loops))]
		}
	}
	return a.pick("s", "t", "s", "v", "w")
}

func (a *author) number() string {
	switch a.IntN(10) {
	case 0:
		return a.any()
	case 1, 2, 3:
		return strconv.Itoa(a.IntN(14) - 3)
	case 4:
		return a.pick("0.5", "2.0", "-1.25", "3.3", "10.0")
	case 5:
		return a.pick("list.size", "s.size", "void.size", "map.a", "nums[0]", "nums.first", "nums.last", "objs.size", "objs[0].n", "map.size", "decs[0]")
	case 6:
		if len(a.loops) > 0 {
			return a.pick("forloop.index", "forloop.index0", "forloop.rindex", "forloop.rindex0", "forloop.length")
		}
	}
	return a.pick("n", "m", "x", "n", "m")
}

func (a *author) list() string {
	switch a.IntN(12) {
	case 0:
		return a.any()
	case 1:
		return a.pick("(1..3)", "(n..m)", "(0..n)", "(2..list.size)", "('1'..'4')", "(3..1)", "(1..s)")
	case 2:
		return a.pick("map.c", "nested[0]", "nested[1]", "nested.first")
	}
	return a.pick("list", "nums", "decs", "mixed", "objs", "nested", "void", "list", "nums", "objs")
}

func (a *author) any() string {
	if len(a.loops) > 0 && a.one(3) {
		return a.pick(a.loops[len(a.loops)-1], "forloop.first", "forloop.last", "forloop.index", "forloop.parentloop.index")
	}
	return a.pick("s", "n", "x", "yes", "no", "nothing", "list", "objs", "map", "void", "any", "nums", "mixed", "true", "false", "nil", `"text"`, "7", "map.d",
		"mixed[0]", "mixed[n]", "v", "w", "(1..3)", a.pick("any", "v", a.odd()))
}

// odd expressions are mostly refused.
func (a *author) odd() string {
	return a.pick("map[s]", "c", "missing", "map.missing", "nothing.key", "empty", "blank", "s.missing", "list[s]", "(1..x)")
}

// filters are written with a fitting value before them.
func (a *author) pipeline() string {
	kinds := []func() string{a.text, a.text, a.number, a.number, a.list, a.list, a.any}
	kind := a.IntN(len(kinds))
	s := kinds[kind]()
	if a.one(20) {
		s, kind = a.pick(`"2016-03-14"`, `"2016-03-14 12:34:56 +0200"`, `"1152098955"`, `"March 14, 2016"`, `"2024-02-29T23:59:59Z"`, `"2024-03-05T14:07:09.5Z"`, "'5 Mar 2024 7:05'")+" | date: "+a.dateFormat(), 0
	}
	for range a.IntN(4) {
		var of string
		switch {
		case a.one(8):
			of = a.filter(a.IntN(4))
		case kind < 2:
			of = a.filter(0)
		case kind < 4:
			of = a.filter(1)
		case kind < 6:
			of = a.filter(2)
		default:
			of = a.filter(3)
		}
		s += a.pick(" | ", " | ", "|", "\n| ") + of
		switch name, _, _ := strings.Cut(of, ":"); name {
		case "size", "plus", "times":
			kind = 2
		case "split", "map", "where":
			kind = 4
		case "join", "first", "last", "append":
			kind = 0
		}
	}
	return s
}

func (a *author) filter(kind int) string {
	text, number := a.text, a.number
	small := func() string { return strconv.Itoa(a.IntN(8) - 2) }
	key := func() string { return a.pick(`"name"`, `"n"`, `"g"`, `"on"`, `"n"`, `"g"`) }
	two := func(first func() string, second func() string) string {
		return first() + a.maybe(2, ", "+second())
	}
	switch kind {
	case 0:
		return a.pick(
			"upcase", "downcase", "capitalize", "strip", "lstrip", "rstrip", "strip_newlines", "newline_to_br", "strip_html", "escape", "escape_once", "url_encode",
			"url_decode", "base64_encode", "base64_decode", "base64_url_safe_encode", "base64_url_safe_decode", "size", "h",
			"append: "+text(), "prepend: "+text(), "remove: "+text(), "remove_first: "+text(), "remove_last: "+text(),
			"replace: "+two(text, text), "replace_first: "+two(text, text), "replace_last: "+text()+", "+text(),
			"slice: "+two(small, small), "split: "+text(), "split: ' '", "split: ','", "truncate: "+two(small, text), "truncate", "truncatewords: "+two(small, text), "truncatewords",
			"date: "+a.dateFormat(), "default: "+a.any(),
		)
	case 1:
		return a.pick(
			"plus: "+number(), "minus: "+number(), "times: "+number(), "divided_by: "+number(), "modulo: "+number(), "at_least: "+number(), "at_most: "+number(),
			"abs", "ceil", "floor", "round", "round: "+a.pick("0", "1", "2", "3", "-1"), "append: "+text(), "default: "+number(), "date: "+a.dateFormat(),
		)
	case 2:
		return a.pick(
			"join", "join: "+text(), "first", "last", "reverse", "sort", "sort_natural", "uniq", "compact", "size", "concat: "+a.list(),
			"map: "+key(), "where: "+key(), "where: "+key()+", "+a.any(), "where: 'g', 'x'", "where: 'n', 1", "sort: "+key(), "sort_natural: "+key(), "uniq: "+key(), "compact: "+key(),
			"slice: "+two(small, small), "default: "+a.list(),
		)
	default:
		return a.pick(
			"default: "+a.any(), "default: "+a.any()+", allow_false: "+a.pick("true", "false", "yes", "nil"), "size", "first", "last", "upcase", "append: "+a.any(), "plus: "+a.any(),
			"join: "+a.any(), "default",
		)
	}
}

func (a *author) dateFormat() string {
	return strconv.Quote(a.pick("%Y-%m-%d", "%B %e, %Y", "%H:%M:%S", "%a %b %d", "%j %U %W %u %w", "%I:%M %p", "%-d/%-m/%y", "%s", "%Z %z", "%c", "%x %X", "%%", "%D %F %T %R", "%^a %10Y %_m", "%G-W%V %C %h %n%t %r %P %l|%k", "%-I%p %#p %^B %-j", "%3N %6N %::z %:z", "%010Y %e %-e %_d %03d", "%v %+", "%E", "%L %N", "", "year"))
}

func (a *author) condition() string {
	s := ""
	switch a.IntN(6) {
	case 0:
		s = a.any()
		if len(a.loops) > 0 {
			s = a.pick(s, "forloop.first", "forloop.last", "forloop.parentloop", "forloop.parentloop == nil")
		}
	case 1:
		s = a.number() + " " + a.pick("==", "!=", "<", ">", "<=", ">=", "<>") + " " + a.number()
	case 2:
		s = a.text() + " " + a.pick("==", "!=", "<", ">=", "contains") + " " + a.text()
	case 3:
		s = a.list() + " contains " + a.any()
	case 4:
		s = a.any() + " " + a.pick("==", "!=") + " " + a.pick("empty", "blank", "nil", "true", "false")
	default:
		s = a.any() + " " + a.pick("==", "!=", "<", ">", "<=", ">=", "contains", "==") + " " + a.any()
	}
	if a.one(4) {
		s += a.pick(" and ", " or ") + a.condition()
	}
	return s
}

// tag writes a tag, with whitespace control now and then.
func (a *author) tag(s string) string {
	if a.line {
		return "\n  " + strings.ReplaceAll(s, "\n", " ") + a.maybe(6, "\n")
	}
	return a.pick("{%", "{%", "{%", "{%-") + a.pick(" ", " ", " ", "", "\n", "  ") + s + a.pick(" ", " ", " ", "", "\n") + a.pick("%}", "%}", "%}", "-%}")
}

// nodes writes some nodes, fewer the deeper they stand.
func (a *author) nodes(n int) string {
	if a.deep > 3 {
		n = a.IntN(2)
	}
	a.deep++
	defer func() { a.deep-- }()
	var b strings.Builder
	for range n {
		b.WriteString(a.node())
	}
	return b.String()
}

func (a *author) body() string { return a.nodes(a.IntN(4)) }

func (a *author) node() string {
	switch a.IntN(20) {
	case 0, 1, 2, 3:
		if a.line {
			return a.tag("echo " + a.pipeline())
		}
		return a.pick("text", " ", "\n", "  \n ", "a b", "é", " { ", "} ", ", ", "%", "\t", "|")
	case 4, 5, 6, 7:
		if a.line {
			return a.tag("echo " + a.pipeline())
		}
		return a.pick("{{", "{{", "{{-") + a.pick(" ", "", "\n") + a.pipeline() + a.pick(" ", "", "\n") + a.pick("}}", "}}", "-}}")
	case 8, 9:
		return a.tag("assign " + a.pick("v", "w", "s", "my-var") + a.pick(" = ", "=") + a.pipeline())
	case 10, 11:
		return a.choice()
	case 12, 13:
		return a.loop()
	case 14:
		return a.cases()
	case 15:
		return a.tag("capture "+a.pick("v", "w", "'v'")) + a.body() + a.tag("endcapture")
	case 16:
		return a.tag(a.pick("increment ", "decrement ") + a.pick("c", "d", "c"))
	case 17:
		return a.cycle()
	case 18:
		return a.other()
	default:
		return a.table()
	}
}

func (a *author) choice() string {
	name := a.pick("if", "if", "unless")
	s := a.tag(name+" "+a.condition()) + a.body()
	for a.one(4) {
		s += a.tag("elsif "+a.condition()) + a.body()
	}
	if a.one(2) {
		s += a.tag("else") + a.body()
	}
	return s + a.tag("end"+name)
}

func (a *author) loop() string {
	variable := a.pick("i", "j", "i", "s", "k")
	s := "for " + variable + " in " + a.pick(a.list(), a.list(), a.any())
	s += a.maybe(5, " reversed")
	s += a.maybe(5, " limit:"+a.pick("1", "2", "n", "0", "-1", "-3", "'2'", "nothing"))
	s += a.maybe(5, " offset:"+a.pick("1", "2", "continue", "continue", "n", "-1", "-5", "9"))
	s = a.tag(s)
	a.loops = append(a.loops, variable)
	s += a.body()
	if a.one(3) {
		s += a.tag("if "+a.condition()) + a.body() + a.tag(a.pick("break", "continue")) + a.body() + a.tag("endif") + a.body()
	}
	a.loops = a.loops[:len(a.loops)-1]
	if a.one(3) {
		s += a.tag("else") + a.body()
	}
	return s + a.tag("endfor")
}

// table keeps to what 5.4.0 does as later versions: columns are given, and nothing breaks out.
func (a *author) table() string {
	s := a.tag("tablerow i in " + a.list() + " cols:" + a.pick("1", "2", "3", "n") + a.maybe(4, " limit:"+a.pick("2", "n", "0")) + a.maybe(4, " offset:"+a.pick("1", "0")))
	if a.line {
		s += a.tag("echo i")
	} else {
		s += a.pick("{{ i }}", "", "x", " ", "{{ tablerowloop."+a.pick("index", "index0", "rindex", "rindex0", "first", "last", "length", "col", "col0", "col_first", "col_last", "row")+" }}")
	}
	return s + a.tag("endtablerow")
}

func (a *author) cases() string {
	s := a.tag("case " + a.any())
	if !a.line {
		s += a.pick("", "", " ", "\n")
	}
	for n := a.IntN(3); n >= 0; n-- {
		s += a.tag("when "+a.any()+a.pick("", "", ", "+a.text(), " or "+a.number())) + a.body()
	}
	if a.one(2) {
		s += a.tag("else") + a.body()
	}
	return s + a.tag("endcase")
}

func (a *author) cycle() string {
	return a.tag("cycle " + a.pick(`"a", "b"`, `"a",'b'`, `1, 2`, `1.0, "2"`, `1, "z", 2.5`, "s, n", `"g": "x", "y", "z"`, `n: "x", "y"`, `"g": s, "x"`, "'one'", "true, false"))
}

func (a *author) other() string {
	if a.line {
		return a.tag(a.pick("# a note", "comment\n  echo nothing\n  endcomment"))
	}
	switch a.IntN(8) {
	case 0:
		return a.tag("comment") + a.pick("x", " {{ y }} ", "", "{% if a %}{% endif %}") + a.tag("endcomment")
	case 1:
		return a.pick("{% raw %}", "{%- raw %}") + a.pick("{{ x }}", " ", "", "{% if %}", "{ x", "%}") + "{% endraw %}"
	case 2:
		return a.pick("{% # note %}", "{%- # one\n  # two\n-%}", "{%# note %}")
	case 3:
		return a.tag("ifchanged") + a.body() + a.tag("endifchanged")
	case 4:
		return a.tag("echo " + a.pipeline())
	case 5:
		a.line = true
		s := "{% liquid" + a.nodes(1+a.IntN(3))
		a.line = false
		return s + a.pick("\n%}", "\n-%}")
	default:
		return a.partial()
	}
}

// all is what partials are given of what the template has.
const all = ", s: s, t: t, n: n, m: m, x: x, yes: yes, no: no, nothing: nothing, list: list, nums: nums, decs: decs, mixed: mixed, objs: objs, nested: nested, map: map, void: void, any: any, v: v, w: w"

func (a *author) partial() string {
	if a.lone {
		return ""
	}
	switch a.IntN(5) {
	case 0:
		return a.tag("render 'q' with " + a.pick("list", "s", "map", "objs[0]", "n") + all)
	case 1:
		return a.tag("render 'set/r' for " + a.pick("list", "nums", "objs", "(1..3)", "void", "s", "map") + a.pick(" as r", "") + all)
	case 2:
		return a.tag("render \"q\" with " + a.pick("list", "nums", "s") + " as u" + all)
	default:
		return a.tag("render 'p', q: " + a.any() + all)
	}
}
