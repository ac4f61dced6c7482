package client

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/anvilpeering/anvil/protocol"
)

const (
	backoffFirst   = time.Second
	backoffMost    = 5 * time.Minute
	backoffWaiting = 30 * time.Second // while the server is there but has nothing to take
	hibernation    = 5 * time.Minute  // shortest, twice that the longest
	pollShortest   = time.Minute      // between questions that the server does not hold, unless it says otherwise
	pollMost       = 5 * time.Minute  // whatever it says: twice that is the longest

	// overdue is how long a release counts as what the channel offers without a
	// word of the server: longer than any rest between two of its answers.
	overdue = maxRetryAfter + maxRetryAfter/10 + protocol.WaitMax + answerTimeout + bodyTimeout
)

// seconds is a number of them that a server named, as far as it is in reason.
func seconds(n int, most time.Duration) time.Duration {
	return time.Duration(min(max(0, n), int(most/time.Second))) * time.Second
}

// jitter returns a random duration in [from, to).
func jitter(from, to time.Duration) time.Duration {
	if to <= from {
		return from
	}
	return from + rand.N(to-from)
}

// backoff returns a random wait after so many failures in a row: full jitter, so
// that clients that failed together do not come back together.
func backoff(failures int, most time.Duration) time.Duration {
	limit := most
	if failures < 20 {
		limit = min(most, backoffFirst<<failures)
	}
	return jitter(0, limit)
}

// after returns how long to wait after an error: what the server asked for, else
// a backoff.
func after(err error, failures int, most time.Duration) time.Duration {
	var a *answerError
	if errors.As(err, &a) && a.retryAfter > 0 {
		return jitter(a.retryAfter, a.retryAfter+a.retryAfter/10)
	}
	return backoff(failures, most)
}

// sleep waits, and says whether it was not disturbed.
func sleep(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
