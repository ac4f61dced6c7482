package httpapi

import (
	"testing"
	"testing/synctest"
	"time"
)

func TestSparing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s sparing
		for i, c := range []struct {
			wait   time.Duration
			unsaid int
			ok     bool
		}{{0, 0, true}, {0, 0, false}, {30 * time.Second, 0, false}, {30 * time.Second, 2, true}, {0, 0, false}, {time.Hour, 1, true}, {time.Minute, 0, true}} {
			time.Sleep(c.wait)
			if unsaid, ok := s.next(); unsaid != c.unsaid || ok != c.ok {
				t.Errorf("call %d: %d, %v", i, unsaid, ok)
			}
		}
	})
}
