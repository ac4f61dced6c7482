package prompt

import (
	"fmt"
	"regexp"
	"regexp/syntax"
	"strings"
)

// Bounds of the patterns of a file. A pattern of a few kilobytes can compile into
// gigabytes: repeats multiply what they hold.
const (
	maxPattern  = 1 << 10 // bytes of one pattern
	maxMatchers = 10_000  // of one pattern, what a compiled program has about as many instructions of
	maxPatterns = 50_000  // matchers of all patterns of a file
)

// matchers estimates the instructions that an expression compiles to, without
// compiling it. It stops counting beyond most.
func matchers(e *syntax.Regexp, most int) int {
	n := 1
	for _, sub := range e.Sub {
		if n > most {
			return n
		}
		n += matchers(sub, most)
	}
	switch e.Op {
	case syntax.OpLiteral:
		n += len(e.Rune)
	case syntax.OpCharClass:
		n += len(e.Rune) / 2
	case syntax.OpRepeat:
		n *= max(e.Min, e.Max, 1)
	}
	return n
}

// compilePattern compiles the pattern of a parameter within the bounds. spent is
// what the file's patterns cost so far.
func compilePattern(s string, spent *int) (*regexp.Regexp, error) {
	if len(s) > maxPattern {
		return nil, fmt.Errorf("it is longer than %d bytes", maxPattern)
	}
	parsed, err := syntax.Parse(s, syntax.Perl)
	if err != nil {
		return nil, fmt.Errorf("%s", strings.TrimPrefix(err.Error(), "error parsing regexp: "))
	}
	cost := matchers(parsed, maxMatchers)
	if cost > maxMatchers {
		return nil, fmt.Errorf("its repeats multiply to more than %d characters", maxMatchers)
	}
	if *spent += cost; *spent > maxPatterns {
		return nil, fmt.Errorf("the patterns of the file are too large together")
	}
	return regexp.Compile(s)
}
