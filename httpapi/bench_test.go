package httpapi_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/anvilpeering/anvil/httpapi"
	"github.com/anvilpeering/anvil/protocol"
	"github.com/anvilpeering/anvil/push"
	"github.com/anvilpeering/anvil/release"
)

// BenchmarkCheck is a check with nothing new, token, client and limits
// included, beside a handler of net/http that answers 304 and nothing else.
func BenchmarkCheck(b *testing.B) {
	b.Run("anvil", func(b *testing.B) {
		h := newHouse(b, httpapi.Options{Rate: 1e9, Burst: 1e9, AddressRate: 1e9, AddressBurst: 1e9})
		h.begin()
		r := h.head("support", "draft")
		token := h.token(push.RoleClient, "support", "draft")
		h.register(token, "c1", r)
		ask(b, h.http, h.url+protocol.PathCheck, http.Header{
			"Authorization": {"Bearer " + token}, "Anvil-Client": {"c1"}, "If-None-Match": {quoted(r)},
		})
	})
	b.Run("net-http", func(b *testing.B) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			b.Fatal(err)
		}
		s := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header()["Etag"] = []string{`"x"`}
			w.WriteHeader(http.StatusNotModified)
		})}
		go s.Serve(l)
		defer s.Close()
		ask(b, http.DefaultClient, "http://"+l.Addr().String(), http.Header{"If-None-Match": {`"x"`}})
	})
}

func ask(b *testing.B, c *http.Client, url string, headers http.Header) {
	b.ReportAllocs()
	b.SetParallelism(16)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			r, err := http.NewRequest("GET", url, nil)
			if err != nil {
				b.Error(err)
				return
			}
			r.Header = headers
			resp, err := c.Do(r)
			if err != nil {
				b.Error(err)
				return
			}
			_, _ = io.Copy(io.Discard, resp.Body)
			resp.Body.Close()
			if resp.StatusCode != http.StatusNotModified {
				b.Errorf("status %d", resp.StatusCode)
				return
			}
		}
	})
}

// BenchmarkWake is from a publish to the last answer, with a thousand polls
// parked in the same process.
func BenchmarkWake(b *testing.B) {
	const parked = 1000
	h := newHouse(b, httpapi.Options{})
	h.begin()
	token := h.token(push.RoleClient, "support", "production")
	publish := func(text string) *release.Release {
		h.save(map[string]string{"support/triage/classify.yaml": "template: " + text + "\n"})
		r, err := h.push.Publish(b.Context(), push.PublishRequest{Project: "support", Channel: "production"}, "me")
		if err != nil {
			b.Fatal(err)
		}
		return r
	}
	held := publish("first")
	b.ResetTimer()
	for i := range b.N {
		b.StopTimer()
		var answered sync.WaitGroup
		for range parked {
			answered.Go(func() {
				a, err := h.try(b.Context(), "GET", protocol.PathCheck, token, nil, "If-None-Match", quoted(held), "Prefer", "wait=50")
				if err != nil || a.StatusCode != http.StatusOK {
					b.Errorf("%v, %v", a, err)
				}
			})
		}
		for h.push.Parked("support", "production") != parked {
			time.Sleep(time.Millisecond)
		}
		b.StartTimer()
		next := publish(fmt.Sprint("text ", i))
		answered.Wait()
		held = next
	}
}
