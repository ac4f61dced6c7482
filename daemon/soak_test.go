//go:build soak

package daemon_test

import (
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"
)

// TestSoakModel runs the model with new seeds for ANVIL_SOAK (a minute unless
// told otherwise). A seed that failed is run again with ANVIL_SEED.
func TestSoakModel(t *testing.T) {
	length, err := time.ParseDuration(os.Getenv("ANVIL_SOAK"))
	if err != nil {
		length = time.Minute
	}
	for end := time.Now().Add(length); time.Now().Before(end) && !t.Failed(); {
		t.Run("batch", func(t *testing.T) {
			for range 6 {
				seed := rand.Uint64N(1 << 32)
				t.Run("seed "+strconv.FormatUint(seed, 10), func(t *testing.T) { runModel(t, seed, 200) })
			}
		})
	}
}
