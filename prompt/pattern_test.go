package prompt

import (
	"regexp"
	"strings"
	"testing"
)

// A few kilobytes of patterns must not become gigabytes.
func TestPatternBounds(t *testing.T) {
	spent := 0
	for pattern, ok := range map[string]bool{
		`^[0-9]{4}-[0-9]{2}-[0-9]{2}$`:    true,
		`\p{L}+`:                          true,
		`(a|b){1,100}`:                    true,
		`a{1000}`:                         true,
		strings.Repeat("a{1000}", 100):    false,
		`((a{10}){10}){11}`:               false,
		strings.Repeat("x", maxPattern+1): false,
		`(`:                               false,
		`(?=a)`:                           false,
	} {
		spent = 0
		if _, err := compilePattern(pattern, &spent); (err == nil) != ok {
			t.Errorf("%.40q: %v", pattern, err)
		}
	}
	spent = 0
	for range 100 {
		_, _ = compilePattern(`a{900}`, &spent)
	}
	if _, err := compilePattern(`a{900}`, &spent); err == nil || !strings.Contains(err.Error(), "together") {
		t.Errorf("the patterns of a file have no bound: %v", err)
	}
}

func FuzzPattern(f *testing.F) {
	f.Add(`^[a-z]{2,40}$`)
	f.Add(`((a{9}){9}){9}`)
	f.Fuzz(func(t *testing.T, s string) {
		spent := 0
		re, err := compilePattern(s, &spent)
		if err != nil {
			return
		}
		if plain, err := regexp.Compile(s); err != nil || plain.String() != re.String() {
			t.Errorf("%q is no pattern: %v", s, err)
		}
	})
}
