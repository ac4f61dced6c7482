package daemon

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// TestSettle feeds names at given times through the dirty set and the settle
// timers, as the loop does, and says when which batch comes out.
func TestSettle(t *testing.T) {
	type event struct {
		at   time.Duration
		name string
	}
	type batch struct {
		at    time.Duration
		names []string
	}
	ms := func(n int) time.Duration { return time.Duration(n) * time.Millisecond }
	every := func(step time.Duration, n int, name string) (list []event) {
		for i := range n {
			list = append(list, event{time.Duration(i) * step, name})
		}
		return list
	}
	tests := []struct {
		name   string
		events []event
		want   []batch
	}{
		{
			"a single event leaves after the quiet",
			[]event{{0, "a"}},
			[]batch{{ms(30), []string{"a"}}},
		},
		{
			"an atomic save of three events adds 10 ms for each further one",
			[]event{{0, "a"}, {ms(1), "a"}, {ms(2), "a"}},
			[]batch{{ms(52), []string{"a"}}},
		},
		{
			"two saves apart are two batches",
			[]event{{0, "a"}, {ms(200), "b"}},
			[]batch{{ms(30), []string{"a"}}, {ms(230), []string{"b"}}},
		},
		{
			"a burst is one batch, its quiet capped",
			every(ms(1), 500, "a"),
			[]batch{{ms(499 + 750), []string{"a"}}},
		},
		{
			"a continuous writer is looked at every two seconds",
			every(ms(7), 650, "a"),
			[]batch{{ms(2000), []string{"a"}}, {ms(4002), []string{"a"}}, {ms(4543 + 750), []string{"a"}}},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				start := time.Now()
				names := make(chan string)
				go func() {
					for _, e := range test.events {
						time.Sleep(e.at - time.Since(start))
						names <- e.name
					}
					close(names)
				}()
				var got []batch
				for b := range settled(names) {
					got = append(got, batch{time.Since(start), b})
				}
				if !slices.EqualFunc(got, test.want, func(a, b batch) bool { return a.at == b.at && slices.Equal(a.names, b.names) }) {
					t.Errorf("got  %v\nwant %v", got, test.want)
				}
			})
		})
	}
}

// settled is the loop of the daemon reduced to its timers.
func settled(names <-chan string) func(func([]string) bool) {
	return func(yield func([]string) bool) {
		d := newDirty()
		s := newSettle(Options{}.withDefaults())
		var h hints
		timer := time.NewTimer(time.Hour)
		for {
			at, waiting := s.deadline()
			if waiting {
				timer.Reset(time.Until(at))
			}
			if names == nil && !waiting {
				return
			}
			select {
			case name, ok := <-names:
				if !ok {
					names = nil
					continue
				}
				d.name(name)
			case <-d.signal:
			case <-timer.C:
			}
			taken := d.take()
			s.add(time.Now(), taken.events)
			h.merge(taken)
			if s.due(time.Now()) {
				var batch []string
				for name := range h.names {
					batch = append(batch, name)
				}
				slices.Sort(batch)
				s.reset()
				h = hints{}
				if !yield(batch) {
					return
				}
			}
		}
	}
}

func TestSettleSurvivesHugeBursts(t *testing.T) {
	now := time.Now()
	s := newSettle(Options{}.withDefaults())
	s.add(now, 1<<62)
	at, ok := s.deadline()
	if !ok || at != now.Add(s.quietMax) {
		t.Errorf("deadline %v %v, want the longest quiet", at.Sub(now), ok)
	}
}

func TestClock(t *testing.T) {
	start := time.Now()
	var c clock
	if c.jumped(start) {
		t.Error("the first look is a jump")
	}
	if c.jumped(start.Add(time.Minute)) {
		t.Error("a minute that both clocks saw is a jump")
	}
	// Round(0) drops the monotonic reading: the wall clock alone moves on.
	c = clock{first: start.Round(0)}
	if c.jumped(start.Add(time.Hour)) {
		t.Error("without a monotonic reading there is nothing to compare")
	}
}
