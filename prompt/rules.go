package prompt

// The ids of the rules, as in docs/rules.md.
const (
	ruleYAML       = "yaml"
	ruleSchema     = "schema"
	ruleUnknownKey = "unknown-key"

	ruleName             = "name"
	ruleAddress          = "address"
	ruleDuplicateAddress = "duplicate-address"
	ruleDuplicateID      = "duplicate-id"

	ruleUndeclared     = "undeclared-parameter"
	ruleUnused         = "unused-parameter"
	ruleInsert         = "insert"
	ruleRenderArgument = "render-argument"
	ruleRenderTarget   = "render-target"

	ruleMissingDependency = "missing-dependency"
	ruleDependencyCycle   = "dependency-cycle"
	ruleDependencyDepth   = "dependency-depth"
	ruleVersionRange      = "version-range"
	ruleLocked            = "locked"
	ruleBreaking          = "breaking"

	ruleTestFailed     = "test-failed"
	ruleConflictMarker = "conflict-marker"
	ruleSecret         = "secret"
	ruleInvisible      = "invisible-character"
	ruleCutText        = "cut-text"

	ruleLiquidSyntax      = "liquid-syntax"
	ruleUnknownTag        = "unknown-tag"
	ruleUnknownFilter     = "unknown-filter"
	ruleLiquidUnsupported = "liquid-unsupported"
)

// A rule says how a kind of problem is treated.
type rule struct {
	level Level
	// lint: the prompt renders all the same. Clients do not look for these
	// ([Options.CompileOnly]), and anvil.yaml may change their level and except addresses; what keeps
	// a prompt from being rendered is always an error.
	lint bool
}

// rules are all of them. Those that begin with liquid- and unknown- (but
// unknown-key) come from package liquid.
var rules = map[string]rule{
	ruleYAML:       {},
	ruleSchema:     {},
	ruleUnknownKey: {},

	ruleName:             {},
	ruleAddress:          {},
	ruleDuplicateAddress: {lint: true},
	ruleDuplicateID:      {lint: true},

	ruleUndeclared:     {},
	ruleUnused:         {level: Warning, lint: true},
	ruleInsert:         {},
	ruleRenderArgument: {},
	ruleRenderTarget:   {},

	ruleMissingDependency: {},
	ruleDependencyCycle:   {},
	ruleDependencyDepth:   {},
	ruleVersionRange:      {lint: true},
	ruleLocked:            {lint: true},
	ruleBreaking:          {lint: true},

	ruleTestFailed:     {lint: true},
	ruleConflictMarker: {},
	ruleSecret:         {lint: true},
	ruleInvisible:      {lint: true},
	ruleCutText:        {level: Warning, lint: true},

	ruleLiquidSyntax:      {},
	ruleUnknownTag:        {},
	ruleUnknownFilter:     {},
	ruleLiquidUnsupported: {},
}

// adjustable reports whether anvil.yaml may change a rule's level. Names and
// addresses are a matter of what git and file systems can hold, not of taste.
func adjustable(id string) bool {
	switch id {
	case ruleDuplicateAddress, ruleDuplicateID:
		return false
	}
	return rules[id].lint
}
