package liquid

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"
)

// The rules of the problems that [Compile] reports and of the errors that [Template.Render] returns.
const (
	RuleSyntax        = "liquid-syntax"      // the source is not Liquid
	RuleUnknownTag    = "unknown-tag"        // a tag that the dialect does not have
	RuleUnknownFilter = "unknown-filter"     // a filter that the dialect does not have
	RuleUnsupported   = "liquid-unsupported" // Liquid that the dialect refuses
	RuleUndefined     = "undefined-variable" // a variable or a key that nobody bound
	RuleValue         = "liquid-value"       // a value that a tag or filter cannot work with
	RulePartial       = "liquid-partial"     // a partial that cannot be found
	RuleLimit         = "liquid-limit"       // the budget is spent, or the context has ended
	RuleInternal      = "liquid-internal"    // a fault of this package or of the engine
)

// Problem is a reason why a source is not a template of the dialect.
type Problem struct {
	Line, Col int // both from 1; Col counts runes; within the source given to Compile
	Rule      string
	Message   string
	Hint      string // what to write instead, may be empty
}

func (p Problem) String() string {
	return fmt.Sprintf("%d:%d: %s [%s]", p.Line, p.Col, p.Message, p.Rule)
}

// Reference is one use of a variable that the template does not define itself.
type Reference struct {
	Name      string // the root name: "user" of user.address.city
	Line, Col int
}

// Partial is one {% render %} of another template.
type Partial struct {
	Name      string   // as written, between the quotes
	Args      []string // names that the partial gets bound, as written; one bound by `with` or `for` comes first
	Line, Col int      // of the name
}

// Template is a compiled template. It is immutable and safe for concurrent use.
type Template struct {
	place
	tree      func() (*tree, error) // made when first rendered: whoever only checks does not need it
	variables []Reference
	partials  []Partial
	openLoop  *Reference
}

// Variables returns each use of each free variable, in the order of the source. Names that the template assigns,
// captures, counts or loops with are not free from there on; until then they are nil.
func (t *Template) Variables() []Reference { return slices.Clone(t.variables) }

// Partials returns each {% render %} in the order of the source.
func (t *Template) Partials() []Partial { return slices.Clone(t.partials) }

// OpenLoop returns the first use of forloop outside a loop, if there is one. It is bound only where the template is
// rendered by {% render … for … %}, so it is a mistake in a template that is no partial.
func (t *Template) OpenLoop() (Reference, bool) {
	if t.openLoop == nil {
		return Reference{}, false
	}
	return *t.openLoop, true
}

// Compile checks and compiles a source. The template is nil exactly when there are problems, which are sorted by
// position. It never panics and takes time linear in the source.
func Compile(source string) (t *Template, problems []Problem) {
	defer func() {
		if r := recover(); r != nil {
			t = nil
			problems = []Problem{{Line: 1, Col: 1, Rule: RuleInternal, Message: fmt.Sprintf("cannot compile this template: %v", r)}}
		}
	}()
	p := newParser(source)
	body := p.parse()
	if problems := p.sorted(); len(problems) > 0 {
		return nil, problems
	}
	return &Template{
		place: p.place, variables: p.variables, partials: p.partials, openLoop: p.openLoop,
		tree: sync.OnceValues(func() (*tree, error) { return build(body) }),
	}, nil
}

// A place finds lines and columns in a source.
type place struct{ source string }

// position returns the line and column of an offset, from 1, columns in runes.
func (p place) position(at int) (line, col int) {
	before := p.source[:at]
	return 1 + strings.Count(before, "\n"), 1 + utf8.RuneCountInString(before[strings.LastIndexByte(before, '\n')+1:])
}
