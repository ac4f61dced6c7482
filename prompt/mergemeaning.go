package prompt

import (
	"encoding/binary"
	"slices"
	"strconv"

	"go.yaml.in/yaml/v3"
)

// meanings numbers what YAML values mean: two values have the same number when
// JSON would not tell them apart. Comments, quotes, styles and the order of keys
// mean nothing. One numbering serves all the files of a merge.
type meanings struct{ numbers map[string]int }

func newMeanings() *meanings { return &meanings{make(map[string]int)} }

func (m *meanings) number(key []byte) int {
	n, ok := m.numbers[string(key)]
	if !ok {
		n = len(m.numbers) + 1
		m.numbers[string(key)] = n
	}
	return n
}

// of numbers a value that is not split any further.
func (m *meanings) of(n *yaml.Node) int {
	switch n.Kind {
	case yaml.MappingNode:
		members := make([]member, 0, len(n.Content)/2)
		for i := 0; i+1 < len(n.Content); i += 2 {
			members = append(members, member{n.Content[i].Value, m.of(n.Content[i+1])})
		}
		return m.mapping(members)
	case yaml.SequenceNode:
		items := make([]int, len(n.Content))
		for i, c := range n.Content {
			items[i] = m.of(c)
		}
		return m.list(items)
	}
	return m.scalar(n)
}

func (m *meanings) scalar(n *yaml.Node) int {
	if plainText(n) {
		return m.text(n.Value)
	}
	value := n.Value
	switch n.Tag {
	case "!!null":
		value = ""
	case "!!bool":
		value = strconv.FormatBool(value[0] == 't' || value[0] == 'T')
	case "!!int":
		if i, ok := integer(n); ok {
			value = strconv.Itoa(i)
		}
	case "!!float":
		if f, ok := float(n); ok {
			value = strconv.FormatFloat(f, 'g', -1, 64)
		}
	}
	return m.number([]byte(n.Tag + " " + value))
}

func (m *meanings) text(s string) int { return m.number([]byte("text " + s)) }

func (m *meanings) list(items []int) int {
	key := []byte("list ")
	for _, n := range items {
		key = binary.AppendUvarint(key, uint64(n))
	}
	return m.number(key)
}

// member is a key and the number of its value.
type member struct {
	key   string
	value int
}

func (m *meanings) mapping(members []member) int {
	slices.SortFunc(members, func(a, b member) int {
		switch {
		case a.key < b.key:
			return -1
		case a.key > b.key:
			return 1
		}
		return 0
	})
	key := []byte("mapping ")
	for _, e := range members {
		key = binary.AppendUvarint(key, uint64(len(e.key)))
		key = append(key, e.key...)
		key = binary.AppendUvarint(key, uint64(e.value))
	}
	return m.number(key)
}
