//go:build limits

package httpapi_test

import (
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/anvilpeering/anvil/httpapi"
	"github.com/anvilpeering/anvil/protocol"
	"github.com/anvilpeering/anvil/push"
)

// A check answers within 100 ms while 1,000 clients are connected, each with a
// poll that is parked.
func TestLimitCheck(t *testing.T) {
	const connected, limit = 1000, 100 * time.Millisecond
	h := newHouse(t, httpapi.Options{})
	h.begin()
	r := h.head("support", "draft")
	token := h.token(push.RoleClient, "support", "draft")
	for i := range connected {
		id := fmt.Sprint("c", i)
		h.register(token, id, r)
		go func() {
			_, _ = h.try(t.Context(), "GET", protocol.PathCheck, token, nil, "Anvil-Client", id, "If-None-Match", quoted(r), "Prefer", "wait=50")
		}()
	}
	h.untilParked(connected)
	h.register(token, "probe", r)
	var took []time.Duration
	for range 3 {
		start := time.Now()
		a := h.do("GET", protocol.PathCheck, token, nil, "Anvil-Client", "probe", "If-None-Match", quoted(r))
		took = append(took, time.Since(start))
		if a.StatusCode != http.StatusNotModified {
			t.Fatalf("status %d", a.StatusCode)
		}
	}
	slices.Sort(took)
	t.Logf("check with %d clients: %v", connected, took)
	if took[1] > limit {
		t.Errorf("took %v, the limit is %v", took[1], limit)
	}
}
