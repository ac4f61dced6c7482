//go:build soak

package liquid_test

import (
	"os"
	"testing"
	"time"
)

// TestSoakLiquid compares generated templates with ruby-liquid for the soak time, other ones in each run.
func TestSoakLiquid(t *testing.T) {
	long := 20 * time.Second
	if s := os.Getenv("ANVIL_SOAK"); s != "" {
		var err error
		if long, err = time.ParseDuration(s); err != nil {
			t.Fatal(err)
		}
	}
	seed := uint64(time.Now().UnixNano())
	right, refused := 0, 0
	for end := time.Now().Add(long); time.Now().Before(end) && !t.Failed(); seed++ {
		s := compareGenerated(t, newAuthor(seed), 5000)
		right, refused = right+s.right, refused+s.refused
		if t.Failed() {
			t.Logf("seed %d", seed)
		}
	}
	t.Logf("%d right, %d refused", right, refused)
}
