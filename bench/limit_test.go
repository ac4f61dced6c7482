//go:build limits

package bench

import (
	"context"
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/anvilpeering/anvil/client"
	"github.com/anvilpeering/anvil/protocol"
)

// The limits are promises to users, at 1,000 and at 10,000 prompts. Each is the
// median of three runs, on a machine that does nothing else.
func TestLimits(t *testing.T) {
	for _, prompts := range []int{1_000, 10_000} {
		t.Run(fmt.Sprint(prompts), func(t *testing.T) {
			s := serve(t, prompts)
			token := s.token()
			limit(t, "check", 100*time.Millisecond, func() time.Duration { return check(t, s, token) })
			limit(t, "full sync", 2*time.Second, func() time.Duration { return fullSync(t, s, token) })
			limit(t, "export", 5*time.Second, func() time.Duration { return export(t, s) })
		})
	}
}

// limit fails when the median of three runs is over the limit.
func limit(t *testing.T, what string, most time.Duration, run func() time.Duration) {
	t.Helper()
	times := []time.Duration{run(), run(), run()}
	slices.Sort(times)
	t.Logf("%s: %v (limit %v; %v to %v)", what, times[1], most, times[0], times[2])
	if times[1] > most {
		t.Errorf("%s took %v, the limit is %v", what, times[1], most)
	}
}

// check asks once what is on offer.
func check(t *testing.T, s *running, token string) time.Duration {
	request, err := http.NewRequest(http.MethodGet, s.url+protocol.PathCheck, nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+token)
	begin := time.Now()
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		t.Fatalf("check: %s", answer.Status)
	}
	return time.Since(begin)
}

// export writes everything as one signed bundle, with the real binary.
func export(t *testing.T, s *running) time.Duration {
	out := filepath.Join(t.TempDir(), "all.anvil.zip")
	begin := time.Now()
	s.anvil("export", "-o", out)
	return time.Since(begin)
}

// fullSync opens a client with an empty cache and renders one prompt.
func fullSync(t *testing.T, s *running, token string) time.Duration {
	begin := time.Now()
	c, err := client.Open(context.Background(), s.options(token))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Render(Address(0), client.Args{"message": "Hello"}); err != nil {
		t.Fatal(err)
	}
	return time.Since(begin)
}
