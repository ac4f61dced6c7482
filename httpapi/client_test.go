package httpapi_test

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"log/slog"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/anvilpeering/anvil/bundle"
	"github.com/anvilpeering/anvil/client"
	"github.com/anvilpeering/anvil/httpapi"
	"github.com/anvilpeering/anvil/push"
)

// The client that applications embed, on this server: what is saved is
// rendered, and the server knows.
func TestRealClient(t *testing.T) {
	h := newHouse(t, httpapi.Options{})
	h.begin()
	sum := sha256.Sum256([]byte("acme"))
	signer, err := ssh.NewSignerFromKey(ed25519.NewKeyFromSeed(sum[:]))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	c, err := client.Open(ctx, client.Options{
		URLs: []string{h.url}, Token: h.token(push.RoleClient, "support", "draft"), Project: "support", Channel: "draft",
		Trust: []byte(bundle.AllowedSigner("acme/*", signer.PublicKey())), Cache: t.TempDir(), ClientID: "app-1",
		Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	renders := func(want string) {
		t.Helper()
		out, err := c.Render("support/triage/classify", nil)
		if err != nil || out.Text() != want {
			t.Errorf("rendered %v, %v; want %q", out, err, want)
		}
	}
	renders("one")
	for _, text := range []string{"two", "three"} {
		tip := h.save(map[string]string{"support/triage/classify.yaml": "template: " + text + "\n"})
		for c.Snapshot().Revision() != tip.String() {
			select {
			case <-c.Changes():
			case <-ctx.Done():
				t.Fatalf("%q did not arrive: %+v", text, c.Status())
			}
		}
		renders(text)
	}
	head := h.head("support", "draft").ID.String()
	for {
		all := h.push.Clients()
		if len(all) == 1 && all[0].Health == push.HealthCurrent && all[0].Report != nil && all[0].Report.State == "applied" && all[0].Report.Release == head {
			break
		}
		select {
		case <-time.After(time.Millisecond):
		case <-ctx.Done():
			t.Fatalf("the server knows %+v", all)
		}
	}
}
