package push_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/anvilpeering/anvil/push"
)

// What applications cannot go on with is published only when somebody says so;
// going back is never refused.
func TestPublishRefusesToBreak(t *testing.T) {
	const path, id = "support/triage/classify.yaml", "id: 01JDK3ZQ8N5V7W2T4X6Y8Z0A1B\n"
	h, advance := at(t, push.Options{})
	wide := id + "parameters: {to: {type: string, enum: [a, b], default: a}}\ntemplate: one {{ to }}\n"
	files := library1()
	files[path] = wide
	files["support/triage/_tone.yaml"] = "template: kind\n"
	h.tip(h.save(files))
	first := h.publish("support", "production", "") // nothing was there that could break
	k := h.token("support", "production")
	h.register(k, "c1", first)
	h.register(k, "c2", first)

	save := func(content string) {
		t.Helper()
		advance(time.Minute)
		h.tip(h.save(map[string]string{path: content}))
	}
	publish := func(q push.PublishRequest) error {
		q.Project, q.Channel = "support", "production"
		advance(time.Minute)
		_, err := h.Publish(t.Context(), q, "me")
		return err
	}
	narrow := strings.Replace(wide, "[a, b]", "[a]", 1)
	save(narrow)
	err := publish(push.PublishRequest{})
	breaking, ok := errors.AsType[*push.BreakingError](err)
	if !ok || breaking.Clients != 2 || len(breaking.Breaks) != 1 || breaking.Breaks[0].Parameter != "to" {
		t.Fatalf("a narrower parameter: %v", err)
	}
	for _, part := range []string{"support/triage/classify: ", `no longer takes "b"`, "[breaking]", "2 clients follow", "support/production"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%v does not say %s", err, part)
		}
	}
	if !strings.Contains(hint(err), "anvil publish support production --breaking") {
		t.Errorf("hint: %s", hint(err))
	}
	if e := h.audit()[0]; e.Outcome != "refused" || h.log.Head("support", "production").ID != first.ID {
		t.Errorf("audit %+v", e)
	}

	// A channel that offers nothing has nobody to break.
	if _, err := h.Publish(t.Context(), push.PublishRequest{Project: "support", Channel: "staging"}, "me"); err != nil {
		t.Errorf("a new channel: %v", err)
	}
	// Text and a wider parameter break nothing; nor does what other channels offer.
	save(strings.Replace(strings.Replace(wide, "[a, b]", "[a, b, c]", 1), "one", "two", 1))
	if err := publish(push.PublishRequest{}); err != nil {
		t.Errorf("a wider parameter: %v", err)
	}
	// Back over a narrower interface, by release and by revision.
	if err := publish(push.PublishRequest{To: first.ID.String()}); err != nil {
		t.Errorf("back to what was offered before: %v", err)
	}
	// With --breaking it passes, and the way back is open, too.
	advance(time.Minute)
	h.tip(h.rewrite(map[string]string{
		"anvil.yaml": files["anvil.yaml"], "support/project.yaml": files["support/project.yaml"],
		"support/triage/sort.yaml": id + "template: sorted\n",
	}))
	if err := publish(push.PublishRequest{}); err == nil || !strings.Contains(err.Error(), "renamed to support/triage/sort") {
		t.Errorf("a rename: %v", err)
	}
	if err := publish(push.PublishRequest{Breaking: true}); err != nil {
		t.Errorf("a rename with breaking: %v", err)
	}
	if e := h.audit()[0]; e.Outcome != "ok" || !strings.Contains(e.Detail, "what breaks accepted") {
		t.Errorf("audit %+v", e)
	}
	if err := publish(push.PublishRequest{To: first.Revision.String()}); err != nil {
		t.Errorf("back over a rename: %v", err)
	}
}
