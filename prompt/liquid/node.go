package liquid

// Nodes are what a template is made of. How they render stands in render.go and loop.go.
type (
	textNode   string
	rawNode    string
	outputNode struct {
		value expression
		at    int
	}
	assignNode struct {
		name  string
		value expression
		at    int
	}
	captureNode struct {
		name string
		body *body
		at   int
	}
	chooseNode struct { // if and unless
		branches []branch
		at       int
	}
	branch struct {
		when *condition // nil for else
		not  bool
		body *body
	}
	caseNode struct {
		value   expression
		options []option
		at      int
	}
	option struct {
		values []expression // nil for else
		body   *body
	}
	loopNode struct { // for and tablerow
		variable            string
		name                string // forloop.name
		values              expression
		limit, offset, cols expression
		goesOn, reversed    bool // offset: continue
		body, otherwise     *body
		table               bool
		at                  int
	}
	interruptNode struct {
		err error
		at  int
	}
	cycleNode struct {
		group  expression // nil: key names the group
		key    string
		values []expression
		at     int
	}
	changedNode struct {
		body *body
		at   int
	}
	countNode struct { // increment and decrement
		name string
		step int64
		at   int
	}
	renderNode struct {
		name      string
		args      []argument
		with, all expression // with …, for …
		alias     string
		at        int
	}
	argument struct {
		name  string
		value expression
	}
)
