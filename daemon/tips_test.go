package daemon

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/anvilpeering/anvil/gitstore"
)

func TestTips(t *testing.T) {
	tip := func(n byte) gitstore.Hash { return gitstore.Hash{n} }
	tests := []struct {
		name string
		on   func(calls int) (time.Duration, error)
		set  []time.Duration // when tip 1, 2, 3… is set
		want []byte          // the tips handed on, in order
	}{
		{"each in its time", func(int) (time.Duration, error) { return 0, nil }, []time.Duration{0, 1e9, 2e9}, []byte{1, 2, 3}},
		{"the latest wins", func(int) (time.Duration, error) { return time.Minute, nil }, []time.Duration{0, 1e9, 2e9, 3e9}, []byte{1, 4}},
		{"a failure is tried again", func(calls int) (time.Duration, error) {
			if calls <= 3 {
				return 0, errors.New("no")
			}
			return 0, nil
		}, []time.Duration{0}, []byte{1, 1, 1, 1}},
		{"a failure is overtaken", func(calls int) (time.Duration, error) {
			if calls == 1 {
				return 0, errors.New("no")
			}
			return 0, nil
		}, []time.Duration{0, 1e8}, []byte{1, 2}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var got []byte
				running := false
				tips := &tips{
					on: func(_ context.Context, h gitstore.Hash) error {
						if running {
							t.Error("two calls at once")
						}
						running = true
						got = append(got, h[0])
						wait, err := test.on(len(got))
						time.Sleep(wait)
						running = false
						return err
					},
					retry: time.Second, log: slog.New(slog.DiscardHandler), change: func() {}, wake: make(chan struct{}, 1),
				}
				ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
				defer cancel()
				go func() {
					start := time.Now()
					for i, at := range test.set {
						time.Sleep(at - time.Since(start))
						tips.set(tip(byte(i + 1)))
					}
				}()
				tips.run(ctx)
				if !slices.Equal(got, test.want) {
					t.Errorf("handed on %v, want %v", got, test.want)
				}
				if any, trouble := tips.state(); !any || trouble != "" {
					t.Errorf("state %v %q", any, trouble)
				}
			})
		})
	}
}
