package httpapi_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/anvilpeering/anvil/httpapi"
	"github.com/anvilpeering/anvil/push"
)

// A long list comes in pages, each of which names the next.
func TestClientsInPages(t *testing.T) {
	h := newHouse(t, httpapi.Options{})
	h.begin()
	support, sales := h.token(push.RoleClient, "support", "draft"), h.token(push.RoleClient, "sales", "draft")
	for i := range 230 {
		h.register(support, fmt.Sprintf("c%03d", i), nil)
	}
	h.register(sales, "c000", nil)
	viewer := h.token(push.RoleViewer, "support", "")
	for _, c := range []struct {
		token, query string
		pages        []int
	}{
		{viewer, "", []int{200, 30}},
		{viewer, "?limit=100", []int{100, 100, 30}},
		{viewer, "?limit=230", []int{230}},
		{viewer, "?limit=1000", []int{230}},
		{h.token(push.RoleViewer, "", ""), "?limit=115", []int{115, 115, 1}},
		{h.token(push.RoleViewer, "nobody", ""), "", []int{0}},
	} {
		path, seen := "/api/v1/clients"+c.query, map[string]bool{}
		for i, n := range c.pages {
			var page []push.Client
			a := h.do("GET", path, c.token, nil)
			if a.decode(t, &page); len(page) != n {
				t.Fatalf("%s: page %d has %d clients", c.query, i, len(page))
			}
			for _, k := range page {
				if seen[k.Project+k.ID] || c.token == viewer && k.Project != "support" {
					t.Errorf("%s: %s/%s again, or out of scope", c.query, k.Project, k.ID)
				}
				seen[k.Project+k.ID] = true
			}
			link, more := strings.CutSuffix(a.Header.Get("Link"), `>; rel="next"`)
			if more != (i < len(c.pages)-1) {
				t.Fatalf("%s: page %d: Link %q", c.query, i, link)
			}
			path = strings.TrimPrefix(link, "<")
		}
	}
	for _, query := range []string{"limit=0", "limit=1001", "limit=x", "after=c000"} {
		if a := h.do("GET", "/api/v1/clients?"+query, viewer, nil); a.problem(t).Status != http.StatusBadRequest {
			t.Errorf("%s: %d", query, a.StatusCode)
		}
	}
}
