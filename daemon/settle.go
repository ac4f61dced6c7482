package daemon

import "time"

// settle decides when a burst of events is over: after a quiet that grows with
// the number of events, and at the latest max after the first of them. It does
// no waiting itself; the loop asks for the deadline.
type settle struct {
	quiet, perEvent, quietMax, max time.Duration

	first, last time.Time
	events      int
}

func newSettle(o Options) settle {
	return settle{quiet: o.Quiet, perEvent: o.QuietPerEvent, quietMax: o.QuietMax, max: o.SettleMax}
}

// add notes n events seen now.
func (s *settle) add(now time.Time, n int) {
	if n <= 0 {
		return
	}
	if s.events == 0 {
		s.first = now
	}
	s.last = now
	s.events += n
}

// deadline is when to look; ok is false while nothing happened.
func (s *settle) deadline() (at time.Time, ok bool) {
	if s.events == 0 {
		return time.Time{}, false
	}
	quiet := s.quietMax
	// Compared by division, so that a burst of any size cannot overflow.
	if s.perEvent <= 0 || time.Duration(s.events-1) < (s.quietMax-s.quiet)/s.perEvent {
		quiet = s.quiet + time.Duration(s.events-1)*s.perEvent
	}
	at = s.last.Add(quiet)
	if limit := s.first.Add(s.max); limit.Before(at) {
		at = limit
	}
	return at, true
}

// due reports whether the deadline has come.
func (s *settle) due(now time.Time) bool {
	at, ok := s.deadline()
	return ok && !now.Before(at)
}

func (s *settle) reset() { s.events = 0 }
