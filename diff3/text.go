package diff3

import "bytes"

// text is a text as lines. Equal lines of the texts of one merge have equal
// numbers.
type text struct {
	raw    []byte
	lines  []int32 // the number of each
	starts []int   // where each begins, and the end of the text
	counts []int32 // how often each number occurs
}

// span is a range of lines.
type span struct{ from, to int }

func (t *text) bytes(s span) []byte {
	from, to := t.starts[s.from], t.starts[s.to]
	return t.raw[from:to:to]
}

// number splits texts into lines and numbers them.
func number(raws ...[]byte) []*text {
	texts := make([]*text, len(raws))
	size := bytes.Count(raws[0], []byte{'\n'}) + 1
	seen := make(map[string]int32, size+size/4)
	for i, raw := range raws {
		t := &text{raw: raw}
		n := bytes.Count(raw, []byte{'\n'}) + 1
		t.lines, t.starts = make([]int32, 0, n), make([]int, 0, n+1)
		all := string(raw) // its lines are the keys, without a copy of each
		for at := 0; at < len(raw); {
			end := len(raw)
			if feed := bytes.IndexByte(raw[at:], '\n'); feed >= 0 {
				end = at + feed + 1
			}
			line, ok := seen[all[at:end]]
			if !ok {
				line = int32(len(seen))
				seen[all[at:end]] = line
			}
			t.lines, t.starts = append(t.lines, line), append(t.starts, at)
			at = end
		}
		t.starts = append(t.starts, len(raw))
		texts[i] = t
	}
	counts := make([]int32, len(texts)*len(seen))
	for i, t := range texts {
		t.counts = counts[i*len(seen) : (i+1)*len(seen)]
		for _, line := range t.lines {
			t.counts[line]++
		}
	}
	return texts
}
