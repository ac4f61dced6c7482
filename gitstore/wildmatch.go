package gitstore

import "strings"

// wildmatch matches text against git's pattern language for paths: * and ? stop
// at a slash, ** between slashes does not, [ab] and [!a-c] are sets, a
// backslash takes the next character as it is.
func wildmatch(pattern, text string) bool {
	steps := 1 << 16 // a bound for hostile patterns
	return wild(pattern, text, &steps)
}

func wild(p, t string, steps *int) bool {
	for p != "" {
		if *steps--; *steps < 0 {
			return false
		}
		switch p[0] {
		case '*':
			if strings.HasPrefix(p, "**") {
				return wildDeep(strings.TrimLeft(p, "*"), t, steps)
			}
			for rest := p[1:]; ; t = t[1:] {
				if wild(rest, t, steps) {
					return true
				}
				if t == "" || t[0] == '/' {
					return false
				}
			}
		case '?':
			if t == "" || t[0] == '/' {
				return false
			}
			p, t = p[1:], t[1:]
		case '[':
			rest, in, ok := wildSet(p, t)
			if !ok || !in {
				return false
			}
			p, t = rest, t[1:]
		default:
			if p[0] == '\\' && len(p) > 1 {
				p = p[1:]
			}
			if t == "" || t[0] != p[0] {
				return false
			}
			p, t = p[1:], t[1:]
		}
	}
	return t == ""
}

// wildDeep matches what follows a ** at any depth.
func wildDeep(rest, t string, steps *int) bool {
	if rest == "" {
		return true
	}
	if after, ok := strings.CutPrefix(rest, "/"); ok && wild(after, t, steps) {
		return true // "**/x" matches x itself
	}
	for {
		if wild(rest, t, steps) {
			return true
		}
		if t == "" {
			return false
		}
		t = t[1:]
	}
}

// wildSet matches one character against the set at the start of p.
func wildSet(p, t string) (rest string, in, ok bool) {
	if t == "" || t[0] == '/' {
		return "", false, false
	}
	i := 1
	negated := i < len(p) && (p[i] == '!' || p[i] == '^')
	if negated {
		i++
	}
	for first := true; i < len(p); first = false {
		low := p[i]
		if low == ']' && !first {
			return p[i+1:], in != negated, true
		}
		if low == '\\' && i+1 < len(p) {
			i++
			low = p[i]
		}
		high := low
		if i+2 < len(p) && p[i+1] == '-' && p[i+2] != ']' {
			high = p[i+2]
			i += 2
		}
		if low <= t[0] && t[0] <= high {
			in = true
		}
		i++
	}
	return "", false, false
}
