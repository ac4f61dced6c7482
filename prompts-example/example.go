// Package example is a believable prompt library, embedded in the binary: what
// `anvil demo` copies, and a fixture for tests.
package example

import "embed"

// Files holds the library, partials and dot folders included.
//
//go:embed anvil.yaml all:.anvil all:shared all:support all:catalogue all:research all:engineering
var Files embed.FS

// Organisation is the name of the library's organisation.
const Organisation = "harbour"
