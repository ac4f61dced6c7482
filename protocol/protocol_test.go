package protocol_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/anvilpeering/anvil/protocol"
)

// The names on the wire are a promise to clients that are out there.
func TestWire(t *testing.T) {
	noon := time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		value any
		want  string
	}{
		{
			protocol.Registration{
				ClientID: "c1", App: "checkout", Labels: map[string]string{"zone": "a"}, Protocol: []int{1},
				Modes: []protocol.Mode{protocol.ModeDelta, protocol.ModeFull}, Held: &protocol.Held{Release: "r", Revision: "v", Sequence: 7}, Ephemeral: true,
			},
			`{"client_id":"c1","app":"checkout","labels":{"zone":"a"},"protocol":[1],"modes":["delta","full"],"held":{"release":"r","revision":"v","sequence":7},"ephemeral":true}`,
		},
		{protocol.Registration{ClientID: "c1"}, `{"client_id":"c1","protocol":null,"modes":null,"held":null}`},
		{
			protocol.Registered{Protocol: 1, Stream: "acme/support/draft", Poll: protocol.Poll{WaitMax: 50, Min: 60, Max: 120}, Lease: 86400},
			`{"protocol":1,"stream":"acme/support/draft","poll":{"wait_max":50,"min":60,"max":120},"lease_s":86400}`,
		},
		{
			protocol.Offer{Release: "r", Revision: "v", Sequence: 7, Created: noon, Expires: noon, Reason: protocol.ReasonPublish, FetchAfter: 9},
			`{"release":"r","revision":"v","sequence":7,"created":"2026-11-25T12:00:00Z","expires":"2026-11-25T12:00:00Z","reason":"publish","fetch_after_ms":9}`,
		},
		{
			protocol.Acknowledgement{ClientID: "c1", Release: "r", Revision: "v", From: "q", State: protocol.StateFailed, Code: protocol.CodeCompile, Message: "m", Mode: protocol.ModeFull, Bytes: 1, TookMS: 2},
			`{"client_id":"c1","release":"r","revision":"v","from":"q","state":"failed","code":"compile","message":"m","mode":"full","bytes":1,"took_ms":2}`,
		},
		{
			&protocol.Problem{Type: "/problems/x", Title: "t", Status: 426, Detail: "d", Help: "h", Min: 1, Max: 2},
			`{"type":"/problems/x","title":"t","status":426,"detail":"d","hint":"h","min":1,"max":2}`,
		},
	} {
		got, err := json.Marshal(c.value)
		if err != nil || string(got) != c.want {
			t.Errorf("%T\ngot  %s\nwant %s", c.value, got, c.want)
		}
	}
}

func TestProblemIsAnError(t *testing.T) {
	err := fmt.Errorf("check: %w", &protocol.Problem{Title: "not found", Status: 404, Detail: "no such release", Help: "look again"})
	var hinted interface{ Hint() string }
	if !errors.As(err, &hinted) || hinted.Hint() != "look again" || err.Error() != "check: not found: no such release" {
		t.Errorf("got %v", err)
	}
	if got := (&protocol.Problem{Title: "not found", Status: 404}).Error(); got != "not found" {
		t.Errorf("got %s", got)
	}
}
