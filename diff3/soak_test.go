//go:build soak

package diff3

import (
	"os"
	"testing"
	"time"
)

// TestSoakAsGit holds 100,000 merges to git's, or as many as fit into ANVIL_SOAK if
// that are more; the seed that a failure names shows it again.
func TestSoakAsGit(t *testing.T) {
	limit, _ := time.ParseDuration(os.Getenv("ANVIL_SOAK"))
	start := time.Now()
	for seed := uint64(100); seed < 110 || time.Since(start) < limit; seed++ {
		compare(t, seed, 10_000)
		if t.Failed() {
			return
		}
	}
}
