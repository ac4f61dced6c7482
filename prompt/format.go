package prompt

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Format tidies the white space of a file of the organisation and changes
// nothing else: line ends become line feeds, spaces at the ends of lines go,
// several blank lines become one, the file ends with one line feed, and each
// level of maps and lists is indented by two columns. What a file says stays as
// it is, byte for byte where white space is text: in block scalars, in quotes,
// in lines that are folded. Comments, order, quotes and flow styles are the
// author's.
//
// The result is checked against the source before it is returned: it decodes to
// the same values and has the same comments. Formatting twice changes nothing
// more. The error says where a file cannot be read, and may have a hint.
func Format(src []byte) ([]byte, error) {
	r := &reader{compileOnly: true, source: source{content: src}}
	var root *yaml.Node
	if r.scan(src) {
		root = r.load(src)
	}
	if root == nil {
		return nil, &unreadableError{r.problems[0]}
	}
	body, mark := bytes.CutPrefix(src, []byte("\ufeff"))
	text := tidy(scanLines(string(body)))
	if indented := indent(scanLines(text)); unchanged(root, text, indented) {
		text = indented // else it is written in a way that only its author understands
	}
	if !unchanged(root, string(body), text) {
		return nil, &unreadableError{Problem{Line: 1, Col: 1, Message: "tidied, the file would not say the same, so it stays as it is"}}
	}
	if mark {
		text = "\ufeff" + text
	}
	return []byte(text), nil
}

// unreadableError is why a file cannot be formatted.
type unreadableError struct{ problem Problem }

func (e *unreadableError) Error() string {
	return fmt.Sprintf("%d:%d: %s", e.problem.Line, e.problem.Col, e.problem.Message)
}
func (e *unreadableError) Hint() string { return e.problem.Hint }

// unchanged reports whether two texts, of which the first decodes to root, have
// the same values, comments and visible characters.
func unchanged(root *yaml.Node, before, after string) bool {
	if before == after {
		return true
	}
	documents, err := decodeYAML([]byte(after))
	if err != nil || len(documents) != 1 || !sameNode(root, documents[0].Content[0]) {
		return false
	}
	return withoutSpace(before) == withoutSpace(after) && slices.Equal(comments(before), comments(after))
}

// sameNode reports whether two values are the same and written in the same style.
func sameNode(a, b *yaml.Node) bool {
	return a.Kind == b.Kind && a.Style == b.Style && a.Tag == b.Tag && a.Value == b.Value && slices.EqualFunc(a.Content, b.Content, sameNode)
}

func withoutSpace(s string) string {
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune(" \t\r\n", r) {
			return -1
		}
		return r
	}, s)
}

// comments are those of a text, in its order.
func comments(text string) []string {
	var all []string
	for _, l := range scanLines(text) {
		if l.comment >= 0 {
			all = append(all, strings.TrimRight(l.text[l.comment:], " \t"))
		}
	}
	return all
}

// tidy removes the white space that says nothing, and leaves the indentation.
func tidy(lines []line) string {
	var out []string
	blank := true // a blank line would be one too many
	for _, l := range lines {
		if l.kind == blankLine {
			if !blank {
				out = append(out, "")
			}
			blank = true
			continue
		}
		blank = false
		text := l.text
		switch {
		case l.kind == blockLine:
			if l.empty() {
				text = ""
			}
		case !l.open:
			text = strings.TrimRight(text, " \t")
		}
		out = append(out, text)
	}
	last := lines[len(lines)-1]
	if blank && len(out) > 0 {
		out = out[:len(out)-1]
	}
	text := strings.Join(out, "\n")
	if last.kind == blockLine && !last.ended && !last.strip {
		return text // a line feed would be one of the block's
	}
	return text + "\n"
}

// indent gives each level of maps and lists two columns, and what belongs to a
// line goes along with it.
func indent(lines []line) string {
	var out strings.Builder
	var before, after *line // the items around a comment
	next := 0
	for i := range lines {
		l := &lines[i]
		switch {
		case l.odd:
			return join(lines)
		case l.kind == itemLine:
			before = l
			pad(&out, l.to)
			dashes, rest := strings.Repeat("- ", len(l.dashes)), l.text[l.rest:]
			if n := len(l.dashes); n > 0 && (rest == "" || l.comment == l.rest) {
				// How far a comment stands off is its author's to say.
				dashes, rest = strings.TrimSuffix(dashes, " "), l.text[l.dashes[n-1]+1:]
			}
			out.WriteString(dashes + rest)
		case l.kind == commentLine:
			for after = nil; next < len(lines) && after == nil; {
				if next > i && lines[next].kind == itemLine {
					after = &lines[next]
				} else {
					next++
				}
			}
			pad(&out, commentColumn(l.indent, before, after))
			out.WriteString(l.text[l.indent:])
		case l.kind == blockLine && !l.empty():
			pad(&out, l.to)
			out.WriteString(l.text[l.base:])
		case l.kind == foldedLine && strings.TrimSpace(l.text) != "":
			pad(&out, l.to)
			out.WriteString(l.text[l.indent:])
		default:
			out.WriteString(l.text)
		}
		if l.ended {
			out.WriteByte('\n')
		}
	}
	return out.String()
}

func pad(out *strings.Builder, columns int) { out.WriteString(strings.Repeat(" ", columns)) }

func join(lines []line) string {
	var out strings.Builder
	for _, l := range lines {
		out.WriteString(l.text)
		if l.ended {
			out.WriteByte('\n')
		}
	}
	return out.String()
}

// commentColumn is where a comment on a line of its own goes: along with the item
// after it, or with the level around it that it is indented like.
func commentColumn(at int, before, after *line) int {
	column := at
	var around []level
	if before != nil {
		around = append(around, before.levels...)
	}
	if after != nil {
		around = append(around, after.levels...)
	}
	nearest := -1
	for _, l := range around {
		if l.from <= at && l.from >= nearest {
			nearest, column = l.from, l.to+at-l.from
		}
	}
	if after != nil && after.indent == at {
		column = after.to
	}
	if before != nil && before.block.is && column >= before.block.to {
		column = max(before.block.parent, 0) // further in, it would be text of the block
	}
	return column
}
