package diff3

// change is lines of base that became other lines of a side. Between two changes
// there is a line that both have.
type change struct{ base, side span }

// changes returns what turns a into b, in order.
func changes(a, b *text) []change {
	c := newComparison(a, b)
	c.divide(box{c.x.all(), c.y.all()}, false)
	left, right := c.x.kept(), c.y.kept()
	slide(a.lines, left, right)
	slide(b.lines, right, left)
	var list []change
	for gap := range len(left) - 1 {
		if was, is := run(left, gap), run(right, gap); was.from < was.to || is.from < is.to {
			list = append(list, change{was, is})
		}
	}
	return list
}

// The lines that two texts have in common are listed by their positions in either
// text, the one before the first and the one after the last added. The lines of a
// text that changed lie in the gaps: run returns those between the lines of number
// gap and gap+1.
func run(kept []int, gap int) span { return span{kept[gap] + 1, kept[gap+1]} }

// slide moves the runs of a text, whose kept lines are given beside those of the
// other text. A run may move up by a line when its last line equals the one above
// it, and down when its first equals the one below; it joins the run that it comes
// to. A run goes down as far as it may, and then up again to a gap where also the
// other text has a run, if it came by one.
func slide(lines []int32, kept, other []int) {
	last := len(kept) - 2
	for gap := 0; gap <= last; gap++ {
		for {
			before := run(kept, gap)
			if before.from == before.to {
				break
			}
			for up(lines, kept, gap) {
				gap--
			}
			beside := changed(other, gap)
			for gap < last && lines[kept[gap]+1] == lines[kept[gap+1]] {
				kept[gap+1] = kept[gap] + 1
				gap++
				beside = beside || changed(other, gap)
			}
			if after := run(kept, gap); after.to-after.from != before.to-before.from {
				continue // it met another and may go further
			}
			for beside && !changed(other, gap) {
				up(lines, kept, gap)
				gap--
			}
			break
		}
	}
}

// up moves the run of a gap up by a line, if it may.
func up(lines []int32, kept []int, gap int) bool {
	if gap == 0 || lines[kept[gap]] != lines[kept[gap+1]-1] {
		return false
	}
	kept[gap] = kept[gap+1] - 1
	return true
}

func changed(kept []int, gap int) bool { return kept[gap]+1 < kept[gap+1] }
