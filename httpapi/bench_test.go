package httpapi_test

import (
	"io"
	"net"
	"net/http"
	"testing"

	"github.com/anvilpeering/anvil/httpapi"
	"github.com/anvilpeering/anvil/protocol"
	"github.com/anvilpeering/anvil/push"
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
