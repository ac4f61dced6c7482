//go:build soak

package prompt

import (
	"os"
	"testing"
	"time"
)

// TestSoakMergeLaws merges inventions that no other test has seen.
func TestSoakMergeLaws(t *testing.T) {
	long := 20 * time.Second
	if d, err := time.ParseDuration(os.Getenv("ANVIL_SOAK")); err == nil {
		long = d
	}
	var n tally
	seed := uint64(time.Now().UnixNano())
	for end := time.Now().Add(long); time.Now().Before(end); seed++ {
		n.oneMerge(t, seed)
	}
	t.Logf("%+v", n)
}
