package push_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/anvilpeering/anvil/push"
)

// Whoever may see one project hears nothing of the others, nor what went wrong
// inside the server.
func TestAdviceKeepsToTheScope(t *testing.T) {
	h, _ := at(t, push.Options{})
	files := library1()
	files["billing/project.yaml"] = "name: Billing\n"
	files["billing/mail/broken.yaml"] = "template: '{{ mesage }}'\n"
	h.tip(h.save(files))
	for _, c := range []struct {
		project, own string // what is told of the own project
		all          string // what is told to who sees everything
	}{
		{"nothing", "anvil status", "released projects: sales, support"},
		{"billing", "mend it and save: billing/mail/broken.yaml", "mend it and save: billing/mail/broken.yaml"},
	} {
		k := h.token(c.project, "draft")
		_, err := h.Check(t.Context(), k, push.CheckRequest{})
		_, scoped := h.Publish(t.Context(), push.PublishRequest{Project: c.project, Channel: "production", Scope: c.project}, "me")
		_, all := h.Publish(t.Context(), push.PublishRequest{Project: c.project, Channel: "production"}, "me")
		for _, err := range []error{err, scoped} {
			if !errors.Is(err, push.ErrNothing) || !strings.Contains(hint(err), c.own) || strings.Contains(hint(err), "sales") {
				t.Errorf("%s: %v, hint %q", c.project, err, hint(err))
			}
		}
		if !strings.Contains(hint(all), c.all) {
			t.Errorf("%s: hint to who sees all %q", c.project, hint(all))
		}
	}

	h.sign = func() error { return errors.New("no room left in /var/lib/anvil") }
	files["billing/mail/broken.yaml"] = prompt("whole")
	h.tip(h.save(files))
	if _, err := h.Check(t.Context(), h.token("billing", "draft"), push.CheckRequest{}); strings.Contains(hint(err), "/var") {
		t.Errorf("hint %q", hint(err))
	}
}
