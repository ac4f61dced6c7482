package prompt

import (
	"bytes"
	"fmt"
	"maps"
	"math/rand/v2"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// sheet is a YAML value with the way it is written, for making files and edits of
// them: what an edit leaves alone is written as it was.
type sheet struct {
	shape  shape
	words  string   // of a scalar, as it is written
	text   []string // the lines of a block scalar
	fields []*row
	compact,
	deep bool // how its lines are indented
}

// row is a field or an item with its comments.
type row struct {
	key         string
	above       []string
	beside      string
	value       *sheet
	blank, wide bool // a line above, and a space more after the colon
	quotedKey   bool
}

func (s *sheet) clone() *sheet {
	c := *s
	c.text = slices.Clone(s.text)
	c.fields = nil
	for _, r := range s.fields {
		d := *r
		d.above = slices.Clone(r.above)
		d.value = r.value.clone()
		c.fields = append(c.fields, &d)
	}
	return &c
}

func (s *sheet) flow() string {
	var parts []string
	switch s.shape {
	case shapeFlowMap:
		for _, r := range s.fields {
			parts = append(parts, r.key+": "+r.value.flow())
		}
		return "{" + strings.Join(parts, ", ") + "}"
	case shapeFlowList:
		for _, r := range s.fields {
			parts = append(parts, r.value.flow())
		}
		return "[" + strings.Join(parts, ", ") + "]"
	}
	return s.words
}

// write writes the fields of a block at a column; first says that the first of them
// stands beside a dash.
func (s *sheet) write(b *strings.Builder, column int, beside bool) {
	pad := strings.Repeat(" ", column)
	for i, r := range s.fields {
		if i > 0 || !beside {
			if r.blank {
				b.WriteString("\n")
			}
			for _, c := range r.above {
				b.WriteString(pad + "# " + c + "\n")
			}
			b.WriteString(pad)
		}
		r.write(b, s.shape == shapeList, column)
	}
}

func (r *row) write(b *strings.Builder, dash bool, column int) {
	space := " "
	if r.wide {
		space = "   "
	}
	if dash {
		b.WriteString("-")
	} else if r.quotedKey {
		b.WriteString(strconv.Quote(r.key) + ":")
	} else {
		b.WriteString(r.key + ":")
	}
	comment := ""
	if r.beside != "" {
		comment = "  # " + r.beside
	}
	v := r.value
	in := column + 2
	if v.deep {
		in = column + 4
	}
	switch v.shape {
	case shapeMapping, shapeList:
		if dash {
			b.WriteString(space)
			v.write(b, column+1+len(space), true)
			return
		}
		b.WriteString(comment + "\n")
		if v.compact && v.shape == shapeList {
			in = column
		}
		v.write(b, in, false)
	case shapeText:
		b.WriteString(" |" + comment + "\n")
		for _, line := range v.text {
			if line != "" {
				line = strings.Repeat(" ", in) + line
			}
			b.WriteString(line + "\n")
		}
	default:
		b.WriteString(space + v.flow() + comment + "\n")
	}
}

func (s *sheet) file() []byte {
	var b strings.Builder
	b.WriteString("# yaml-language-server: $schema=prompt.json\n\n")
	s.write(&b, 0, false)
	return []byte(b.String())
}

// inventor makes files and edits.
type inventor struct {
	*rand.Rand
	n int
}

func (g *inventor) word() string {
	g.n++
	return fmt.Sprintf("%s%d", []string{"tone", "queue", "müller", "x", "order"}[g.IntN(5)], g.n)
}

func (g *inventor) scalar() *sheet {
	w := g.word()
	return &sheet{words: []string{w, `"` + w + ` # no"`, "'" + w + ": it''s'", strconv.Itoa(g.IntN(1000)), "true", w + " and {{ " + w + " }}", `""`, "1." + strconv.Itoa(g.IntN(100))}[g.IntN(8)]}
}

func (g *inventor) line() string {
	return []string{"# A heading " + g.word(), "Say " + g.word() + ".", "", "  - " + g.word() + ": x", "- " + g.word(), "{% if " + g.word() + " %}", "trailing " + g.word() + "  "}[g.IntN(7)]
}

func (g *inventor) value(depth int) *sheet {
	s := &sheet{deep: g.IntN(4) == 0, compact: g.IntN(2) == 0}
	n := 1 + g.IntN(4)
	kind := g.IntN(9)
	if depth <= 0 {
		kind = g.IntN(6)
	}
	switch kind {
	case 3:
		s.shape = shapeText
		s.text = append(s.text, "First "+g.word())
		for range 2 * n {
			s.text = append(s.text, g.line())
		}
		s.text = append(s.text, "Last "+g.word())
	case 4:
		s.shape = shapeFlowMap
		for range n {
			s.fields = append(s.fields, &row{key: g.word(), value: g.flowValue()})
		}
	case 5:
		s.shape = shapeFlowList
		for range n {
			s.fields = append(s.fields, &row{value: g.flowValue()})
		}
	case 6, 7:
		s.shape = shapeMapping
		for range n {
			s.fields = append(s.fields, g.row(depth-1, true))
		}
	case 8:
		s.shape = shapeList
		for range n {
			s.fields = append(s.fields, g.row(depth-1, false))
		}
	default:
		return g.scalar()
	}
	return s
}

func (g *inventor) flowValue() *sheet {
	if g.IntN(4) == 0 {
		return &sheet{shape: shapeFlowList, fields: []*row{{value: &sheet{words: g.word()}}}}
	}
	return &sheet{words: g.word()}
}

func (g *inventor) row(depth int, keyed bool) *row {
	r := &row{value: g.value(depth), blank: g.IntN(6) == 0, wide: g.IntN(6) == 0}
	if keyed {
		r.key = g.word()
		r.quotedKey = g.IntN(10) == 0
	}
	if g.IntN(4) == 0 {
		r.above = []string{"about " + g.word()}
	}
	if nested := r.value.shape == shapeMapping || r.value.shape == shapeList; g.IntN(4) == 0 && (keyed || !nested) {
		r.beside = "beside " + g.word()
	}
	return r
}

// file makes a file.
func (g *inventor) file() *sheet {
	s := &sheet{shape: shapeMapping}
	for range 3 + g.IntN(8) {
		s.fields = append(s.fields, g.row(3, true))
	}
	return s
}

// edit makes a change somewhere below s and returns the path of what it touches. It
// touches nothing at or below the paths taken, and nothing above one.
func (g *inventor) edit(s *sheet, taken []string) (path string, ok bool) {
	type spot struct {
		path string
		in   *sheet
		i    int
	}
	var spots []spot
	var walk func(s *sheet, path string, list bool)
	walk = func(s *sheet, path string, list bool) {
		for i, r := range s.fields {
			p := path + "/" + r.key
			if s.shape == shapeList || s.shape == shapeFlowList {
				p = path + "/" + strconv.Itoa(i)
			}
			spots = append(spots, spot{p, s, i})
			walk(r.value, p, list || s.shape == shapeList || s.shape == shapeFlowList)
		}
	}
	walk(s, "", false)
	for range 20 {
		at := spots[g.IntN(len(spots))]
		if slices.ContainsFunc(taken, func(t string) bool {
			return t == at.path || strings.HasPrefix(t, at.path+"/") || strings.HasPrefix(at.path, t+"/")
		}) {
			continue
		}
		r := at.in.fields[at.i]
		keyed := at.in.shape == shapeMapping || at.in.shape == shapeFlowMap
		flow := at.in.shape == shapeFlowMap || at.in.shape == shapeFlowList
		list := !keyed
		switch k := g.IntN(10); {
		case k < 4 && r.value.shape != shapeMapping && r.value.shape != shapeList:
			if r.value.shape == shapeText {
				r.value.text[g.IntN(len(r.value.text)-1)+1] = "New " + g.word()
			} else {
				r.value = &sheet{words: g.word()}
			}
			return at.path, true
		case k == 4 && !flow && !list:
			r.above = append(r.above, "more about "+g.word())
			return at.path, true
		case k == 5 && !flow && keyed && r.value.shape == shapeScalar:
			r.beside = "now " + g.word()
			return at.path, true
		case k == 6 && keyed && at.i > 0:
			at.in.fields = slices.Delete(at.in.fields, at.i, at.i+1)
			return at.path, true
		case k == 7 && keyed:
			n := &row{key: g.word(), value: g.value(1)}
			if flow {
				n.value = g.flowValue()
			}
			at.in.fields = slices.Insert(at.in.fields, at.i+1, n)
			return at.path + "+" + n.key, true
		case k == 8 && list && len(taken) == 0:
			n := &row{value: g.value(1)}
			if flow {
				n.value = g.flowValue()
			}
			at.in.fields = slices.Insert(at.in.fields, at.i+1, n)
			return strings.TrimSuffix(at.path, "/"+strconv.Itoa(at.i)), true
		case k == 9 && list && len(taken) == 0 && len(at.in.fields) > 1 && at.i > 0:
			at.in.fields = slices.Delete(at.in.fields, at.i, at.i+1)
			return strings.TrimSuffix(at.path, "/"+strconv.Itoa(at.i)), true
		}
	}
	return "", false
}

// plainValue decodes a file to plain Go values. That the last line has no end means
// nothing.
func plainValue(content []byte) (any, error) {
	var v any
	if !bytes.HasSuffix(content, []byte("\n")) {
		content = append(slices.Clip(content), '\n')
	}
	err := yaml.Unmarshal(content, &v)
	return v, err
}

// absent is a value that is not there.
type absent struct{}

// oracle is the three-way merge of plain Go values: what the merge of files is
// measured by. Lists and texts of several lines that both sides changed are merged
// finer than that; of lists of words it knows which words are in them.
type oracle struct {
	conflicts []string
	finer     []string
	words     map[string][]string
}

func (o *oracle) merge(path string, base, ours, theirs any) any {
	switch {
	case reflect.DeepEqual(ours, theirs):
		return ours
	case reflect.DeepEqual(base, ours):
		return theirs
	case reflect.DeepEqual(base, theirs):
		return ours
	}
	mine, isMine := ours.(map[string]any)
	yours, isYours := theirs.(map[string]any)
	was, isWas := base.(map[string]any)
	if isMine && isYours && (isWas || base == absent{}) {
		keys := make(map[string]bool)
		for _, m := range []map[string]any{was, mine, yours} {
			for k := range m {
				keys[k] = true
			}
		}
		get := func(m map[string]any, k string) any {
			if v, ok := m[k]; ok {
				return v
			}
			return absent{}
		}
		out := make(map[string]any)
		for _, k := range slices.Sorted(maps.Keys(keys)) {
			if v := o.merge(fieldPath(path, k), get(was, k), get(mine, k), get(yours, k)); v != (any)(absent{}) {
				out[k] = v
			}
		}
		return out
	}
	listO, isListO := ours.([]any)
	listT, isListT := theirs.([]any)
	textO, _ := ours.(string)
	textT, _ := theirs.(string)
	switch {
	case isListO && isListT:
		o.finer = append(o.finer, path)
		listB, _ := base.([]any)
		if b, o1, t := wordsOf(listB), wordsOf(listO), wordsOf(listT); b != nil && o1 != nil && t != nil {
			if o.words == nil {
				o.words = make(map[string][]string)
			}
			var all []string
			for w := range either(o1, t) {
				if o1[w] && t[w] || !b[w] {
					all = append(all, w)
				}
			}
			slices.Sort(all)
			o.words[path] = all
		}
	case strings.Contains(textO, "\n") && strings.Contains(textT, "\n"):
		o.finer = append(o.finer, path)
	default:
		o.conflicts = append(o.conflicts, path)
	}
	return ours
}

func either(a, b map[string]bool) map[string]bool {
	all := maps.Clone(a)
	maps.Copy(all, b)
	return all
}

// wordsOf returns the words of a list of nothing else.
func wordsOf(list []any) map[string]bool {
	words := make(map[string]bool)
	for _, v := range list {
		w, ok := v.(string)
		if !ok || strings.Contains(w, "\n") {
			return nil
		}
		words[w] = true
	}
	return words
}

// wordLists returns the lists of words in a value, by their paths.
func wordLists(path string, v any, out map[string][]string) {
	switch v := v.(type) {
	case map[string]any:
		for k, c := range v {
			wordLists(fieldPath(path, k), c, out)
		}
	case []any:
		if words := wordsOf(v); words != nil {
			out[path] = slices.Sorted(maps.Keys(words))
		}
	}
}
