package bundle

import "strings"

// matchList matches s with an OpenSSH pattern list (PATTERNS in ssh_config(5)):
// comma-separated, a pattern that starts with "!" excludes whatever the others
// say, and a list of exclusions alone matches nothing. Case counts.
func matchList(s, list string) bool {
	matched := false
	for pattern := range strings.SplitSeq(list, ",") {
		pattern, negated := strings.CutPrefix(pattern, "!")
		if !matchPattern(s, pattern) {
			continue
		}
		if negated {
			return false
		}
		matched = true
	}
	return matched
}

// matchPattern matches all of s with a pattern in which "*" stands for any
// bytes, "/" included, and "?" for one. It takes at most len(s)*len(pattern)
// steps.
func matchPattern(s, pattern string) bool {
	star, retry := -1, 0
	i, p := 0, 0
	for i < len(s) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, retry = p, i
			p++
		case p < len(pattern) && (pattern[p] == '?' || pattern[p] == s[i]):
			i++
			p++
		case star >= 0:
			retry++
			i, p = retry, star+1
		default:
			return false
		}
	}
	return strings.Trim(pattern[p:], "*") == ""
}
