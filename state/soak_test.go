//go:build soak

package state_test

import (
	"math/rand/v2"
	"os"
	"testing"
	"time"
)

// TestSoakKills kills at random moments for ANVIL_SOAK, half a minute without.
func TestSoakKills(t *testing.T) {
	length := 30 * time.Second
	if text := os.Getenv("ANVIL_SOAK"); text != "" {
		var err error
		if length, err = time.ParseDuration(text); err != nil {
			t.Fatal(err)
		}
	}
	end := time.Now().Add(length)
	killRounds(t, func(int) (int, bool) { return rand.IntN(1000), time.Now().Before(end) })
}
