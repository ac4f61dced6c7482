package bundle

import "regexp"

var (
	refusal = regexp.MustCompile(`refuse\(Err\w+, "([a-z0-9-]+)"`)
	bad     = regexp.MustCompile(`bad\("((?:path|manifest)-[a-z0-9]+)"`)
	fields  = regexp.MustCompile(`\{"([a-z0-9]+)", "[^"]+", \d+, \d+\}`)
)

// rulesIn returns the rules that a source file refuses by.
func rulesIn(code string) []string {
	var rules []string
	for _, m := range refusal.FindAllStringSubmatch(code, -1) {
		rules = append(rules, m[1])
	}
	for _, m := range bad.FindAllStringSubmatch(code, -1) {
		rules = append(rules, m[1])
	}
	for _, m := range fields.FindAllStringSubmatch(code, -1) {
		rules = append(rules, "zip-"+m[1])
	}
	return rules
}
