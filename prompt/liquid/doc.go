// Package liquid is the template dialect in which prompts are written: Liquid as its documentation describes it, made
// strict, deterministic and bounded. docs/liquid.md is the dialect's normative page; the cases in testdata hold it.
//
// # Contract
//
// [Compile] turns a source into a [Template] or says, with exact positions, why it is none. Nothing that cannot be
// rendered as written gets through: an unclosed delimiter, an unknown tag or filter, a partial whose name is not
// literal are each a [Problem], never text in the output. What a template refers to, its variables and partials, is
// known before anything is rendered.
//
// [Template.Render] is pure: the same template, variables and partials give the same bytes, on every machine and in
// every run. It reads no clock, file or environment. Values are data and are never scanned for templates; nothing is
// escaped. A rendering ends: it obeys its context, and its [Budget] bounds steps, output and the depth of partials. It
// never panics, whatever the template and the values.
//
// # How it is made
//
// The tree of blocks, its text and the walk over it are those of github.com/osteele/liquid. Left alone that engine
// prints what it cannot read, walks maps in random order, groups and/or from the left, knows neither empty nor blank,
// calls an undefined variable by no name, and runs for as long as a template likes. So this package reads the source
// itself (scan.go, markup.go, parse.go), gives the engine a source in which every object and tag has become one of the
// few tags it registers there (engine.go), and evaluates expressions, conditions and filters by Liquid's own rules
// (expression.go, condition.go, value.go, filter*.go).
package liquid
