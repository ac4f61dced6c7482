package httpapi

import (
	"sync"
	"time"
)

// sparing lets one line a minute into the log, of what strangers can cause as
// often as they like.
type sparing struct {
	mu     sync.Mutex
	last   time.Time
	unsaid int
}

// next reports whether to say it now, and how often it was not said since the
// last time.
func (s *sparing) next() (unsaid int, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if now := time.Now(); s.last.IsZero() || now.Sub(s.last) >= time.Minute {
		unsaid, s.last, s.unsaid = s.unsaid, now, 0
		return unsaid, true
	}
	s.unsaid++
	return 0, false
}
