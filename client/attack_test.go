package client

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/anvilpeering/anvil/bundle"
	"github.com/anvilpeering/anvil/protocol"
)

// Every attack meets a client that holds a good release, and one that holds
// nothing. The first keeps what it has, says why and reports it; the second does
// not open.
func TestAttacks(t *testing.T) {
	drop := func(name string) func(t *testing.T, mode protocol.Mode, raw []byte) []byte {
		return func(t *testing.T, _ protocol.Mode, raw []byte) []byte {
			return rezip(t, raw, func(entry string, data []byte) ([]byte, bool) { return data, entry != name })
		}
	}
	for _, a := range []struct {
		name   string
		offer  func(t *testing.T, ch *channel) string // by default a good release
		mangle func(t *testing.T, mode protocol.Mode, raw []byte) []byte
		kind   error
		code   protocol.Code
		held   bool // only one who holds something can tell
	}{
		{name: "unsigned", mangle: drop("manifest.json.sig"), code: protocol.CodeUntrusted, kind: bundle.ErrUnsigned},
		{
			name: "signed by another key", code: protocol.CodeUntrusted, kind: ErrUntrusted,
			offer: func(t *testing.T, ch *channel) string { ch.key = "mallory"; return ch.releaseText("Evil") },
		},
		{
			name: "signed for another channel of the same project", code: protocol.CodeUntrusted, kind: bundle.ErrStream,
			offer: func(t *testing.T, ch *channel) string {
				return ch.releaseText("Evil", func(m *bundle.Manifest) { m.Stream = "acme/support/draft" })
			},
		},
		{
			name: "signed for another project", code: protocol.CodeUntrusted,
			offer: func(t *testing.T, ch *channel) string {
				return ch.releaseText("Evil", func(m *bundle.Manifest) { m.Stream = "acme/billing/production" })
			},
		},
		{
			name: "signed for another organisation", code: protocol.CodeUntrusted,
			offer: func(t *testing.T, ch *channel) string {
				return ch.releaseText("Evil", func(m *bundle.Manifest) { m.Stream = "evil/support/production" })
			},
		},
		{
			name: "expired", code: protocol.CodeUntrusted, kind: bundle.ErrExpired,
			offer: func(t *testing.T, ch *channel) string {
				return ch.releaseText("Evil", func(m *bundle.Manifest) {
					m.Created, m.Expires = m.Created.Add(-48*time.Hour), m.Created.Add(-24*time.Hour)
				})
			},
		},
		{
			name: "sequence from the future", code: protocol.CodeUntrusted, kind: bundle.ErrFuture,
			offer: func(t *testing.T, ch *channel) string {
				return ch.releaseText("Evil", sequence(time.Now().Add(48*time.Hour).Unix()))
			},
		},
		{
			name: "lower sequence", code: protocol.CodeUntrusted, kind: bundle.ErrReplayed, held: true,
			offer: func(t *testing.T, ch *channel) string { return ch.releaseText("Evil", sequence(ch.last-10)) },
		},
		{
			name: "same sequence, other content", code: protocol.CodeUntrusted, kind: bundle.ErrEquivocation, held: true,
			offer: func(t *testing.T, ch *channel) string { return ch.releaseText("Evil", sequence(ch.last)) },
		},
		{
			name: "a selection", code: protocol.CodeUntrusted,
			offer: func(t *testing.T, ch *channel) string {
				files := library("Evil")
				resources := &bundle.Resources{}
				for _, path := range slices.Sorted(maps.Keys(files)) {
					r := bundle.Resource{Path: "content/" + path, Address: strings.TrimSuffix(path, ".yaml"), Kind: bundle.KindPrompt, Carried: !strings.HasPrefix(path, "support/")}
					switch {
					case path == "support/project.yaml":
						r.Kind, r.Address = bundle.KindProject, "support"
					case strings.Contains(path, "/_"):
						r.Kind = bundle.KindPartial
					}
					resources.Resources = append(resources.Resources, r)
				}
				raw, err := resources.Encode()
				if err != nil {
					t.Fatal(err)
				}
				files["resources.json"] = string(raw)
				return ch.release(files, func(m *bundle.Manifest) {
					m.Type, m.Stream, m.Sequence, m.Expires = bundle.TypeSelection, "", 0, time.Time{}
					m.Organisation, m.Scope = "acme", []string{"support/"}
				})
			},
		},
		{name: "cut short", code: protocol.CodeTampered, mangle: func(_ *testing.T, _ protocol.Mode, raw []byte) []byte { return raw[:len(raw)/2] }},
		{name: "nothing", code: protocol.CodeTampered, mangle: func(*testing.T, protocol.Mode, []byte) []byte { return nil }},
		{name: "HTML", code: protocol.CodeTampered, mangle: func(*testing.T, protocol.Mode, []byte) []byte {
			return []byte("<html>Please log in to the network.</html>")
		}},
		{name: "longer", code: protocol.CodeTampered, mangle: func(_ *testing.T, _ protocol.Mode, raw []byte) []byte { return append(raw, 0) }},
		{name: "a file more", code: protocol.CodeTampered, mangle: func(t *testing.T, _ protocol.Mode, raw []byte) []byte {
			return rezip(t, raw, nil, "content/support/triage/evil.yaml", "template: Evil\n")
		}},
		{name: "another manifest", mangle: func(t *testing.T, _ protocol.Mode, raw []byte) []byte {
			return rezip(t, raw, func(entry string, data []byte) ([]byte, bool) {
				if entry == "manifest.json" {
					data = bytes.Replace(data, []byte("anvil"), []byte("envil"), 1)
				}
				return data, true
			})
		}},
	} {
		bait := func(t *testing.T, ch *channel) string {
			if a.mangle != nil {
				ch.with(func() {
					ch.mangle = func(mode protocol.Mode, raw []byte) []byte { return a.mangle(t, mode, raw) }
				})
			}
			if a.offer != nil {
				return a.offer(t, ch)
			}
			return ch.releaseText("Evil")
		}
		t.Run(a.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ch := newChannel(t)
				ch.releaseText("Good")
				c := open(t, ch.options(t))
				synctest.Wait()
				good := c.Snapshot()
				id := bait(t, ch)
				synctest.Wait()
				if c.Snapshot() != good {
					t.Fatalf("took it: %+v", c.Status())
				}
				wantText(t, c, "Good")
				s := c.Status()
				if s.State != StateRefused || s.Refused == nil || s.Refused.Release != id {
					t.Errorf("status %+v", s)
				}
				if a.kind != nil && !errors.Is(s.Problem, a.kind) {
					t.Errorf("refused because %v, want %v", s.Problem, a.kind)
				}
				ack := ch.lastAck(id)
				if ack.State != protocol.StateFailed || a.code != "" && ack.Code != a.code || ack.Message == "" {
					t.Errorf("acknowledged %+v, want failed with %s", ack, a.code)
				}
				if n := len(ch.modes); n > 0 && ch.modes[n-1] != protocol.ModeFull {
					t.Errorf("fetched %v: the full bundle was not asked for", ch.modes)
				}

				// The attack over, the client goes on.
				ch.key = "acme"
				ch.with(func() { ch.mangle = nil })
				ch.releaseText("After")
				time.Sleep(backoffWaiting)
				synctest.Wait()
				wantText(t, c, "After")
			})
		})
		if a.held {
			continue
		}
		t.Run(a.name+" at the first start", func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ch := newChannel(t)
				bait(t, ch)
				c, err := Open(context.Background(), ch.options(t))
				if err == nil {
					_ = c.Close()
					t.Fatal("opened with it")
				}
				if a.kind != nil && !errors.Is(err, a.kind) {
					t.Errorf("open: %v, want %v", err, a.kind)
				}
			})
		})
	}
}

// Of an untrusted signer the fingerprint is shown, and where to get the right
// line: never the line that would trust whoever that is.
func TestUntrustedNamesTheKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ch := newChannel(t)
		ch.key = "mallory"
		ch.releaseText("Evil")
		_, err := Open(context.Background(), ch.options(t))
		stranger := keyOf(t, "mallory").PublicKey()
		line := strings.TrimSpace(string(ssh.MarshalAuthorizedKey(stranger)))
		check := func(err error) {
			t.Helper()
			if !errors.Is(err, ErrUntrusted) || strings.Contains(fmt.Sprint(err, hint(err)), line) {
				t.Errorf("%v, hint %q", err, hint(err))
			}
			for _, want := range []string{ssh.FingerprintSHA256(stranger), "anvil keys list --format allowed-signers"} {
				if !strings.Contains(hint(err), want) {
					t.Errorf("hint %q, want %q", hint(err), want)
				}
			}
		}
		check(err)
		if !strings.Contains(err.Error(), hint(err)) {
			t.Errorf("%v: printed alone it does not say %s", err, hint(err))
		}
		ch.key = "acme"
		ch.releaseText("Good")
		o := ch.options(t)
		var log bytes.Buffer
		o.Logger = slog.New(slog.NewTextHandler(&log, nil))
		c := open(t, o)
		ch.key = "mallory"
		ch.releaseText("Evil")
		synctest.Wait()
		check(c.Status().Problem)
		_ = c.Close()
		if strings.Contains(log.String(), line) {
			t.Errorf("logged %s", log.String())
		}
	})
}

// What the server names as the stream is not believed: it has to be the one asked
// for, and the organisation that was once accepted.
func TestStreamsOfOthers(t *testing.T) {
	for name, named := range map[string]string{
		"project": "acme/billing/production", "channel": "acme/support/draft", "organisation": "evil/support/production", "nonsense": "acme",
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ch := newChannel(t)
				ch.releaseText("Good")
				o := ch.options(t)
				o.Trust = []byte(bundle.AllowedSigner("*", keyOf(t, "acme").PublicKey()))
				c := open(t, o)
				_ = c.Close()
				ch.stream = named
				ch.releaseText("Evil", func(m *bundle.Manifest) {
					if strings.Count(named, "/") == 2 {
						m.Stream = named
					}
				})
				c = open(t, o)
				time.Sleep(time.Hour)
				wantText(t, c, "Good")
				if s := c.Status(); s.State != StateDenied || s.Problem == nil {
					t.Errorf("status %+v", s)
				}
			})
		})
	}
}

// Any byte of a bundle or a delta may be another one: the client takes what was
// signed, or nothing.
func TestEveryByteFlipped(t *testing.T) {
	for _, mode := range []protocol.Mode{protocol.ModeFull, protocol.ModeDelta} {
		t.Run(string(mode), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ch := newChannel(t)
				ch.release(map[string]string{"support/a/b.yaml": "template: Good\n"})
				o := ch.options(t)
				o.Frozen, o.Cache = true, NoCache
				c := open(t, o)
				good := c.Snapshot()
				next := ch.release(map[string]string{"support/a/b.yaml": "template: Next\n"})
				got, err := c.server.fetch(t.Context(), next, map[protocol.Mode]string{protocol.ModeDelta: good.Release()}[mode], c.follower.allow)
				if err != nil || got.mode != mode {
					t.Fatalf("got %+v, %v", got, err)
				}
				open := func(body []byte) (*bundle.Bundle, error) {
					return c.follower.open(&fetched{mode: mode, body: body}, good, new(protocol.Acknowledgement))
				}
				if _, err := open(got.body); err != nil {
					t.Fatal(err)
				}
				unseen := 0
				for i := range got.body {
					altered := bytes.Clone(got.body)
					altered[i] ^= 1 << (i % 8)
					b, err := open(altered)
					if err != nil {
						continue
					}
					unseen++
					if b.ID() != ch.releases[next].ID() {
						t.Fatalf("byte %d flipped: took something else", i)
					}
					for path, data := range ch.releases[next].Content {
						if !bytes.Equal(b.Content[path], data) {
							t.Fatalf("byte %d flipped: %s is altered", i, path)
						}
					}
				}
				// The last byte of a deflated entry may have bits that mean nothing.
				if unseen > 8 {
					t.Errorf("%d of %d bytes mean nothing", unseen, len(got.body))
				}
			})
		})
	}
}

// A delta that is damaged on its way costs the full bundle, in the same call.
func TestDeltaFallsBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ch := newChannel(t)
		ch.releaseText("One")
		o := ch.options(t)
		o.Frozen = true
		c := open(t, o)
		ch.with(func() {
			ch.mangle = func(mode protocol.Mode, raw []byte) []byte {
				if mode == protocol.ModeDelta {
					raw[len(raw)/2] ^= 1
				}
				return raw
			}
		})
		id := ch.releaseText("Two")
		if err := c.Sync(t.Context()); err != nil {
			t.Fatal(err)
		}
		wantText(t, c, "Two")
		synctest.Wait()
		if ack := ch.lastAck(id); ack.State != protocol.StateApplied || ack.Mode != protocol.ModeFull || !strings.Contains(ack.Message, "delta") {
			t.Errorf("acknowledged %+v", ack)
		}
		// A delta that the server cannot make at all ends the same.
		ch.with(func() { ch.mangle = nil; delete(ch.releases, id) })
		ch.releaseText("Three")
		if err := c.Sync(t.Context()); err != nil {
			t.Fatal(err)
		}
		wantText(t, c, "Three")
	})
}

// rezip writes an archive anew, with entries altered, left out and added.
func rezip(t *testing.T, raw []byte, alter func(entry string, data []byte) ([]byte, bool), added ...string) []byte {
	t.Helper()
	r, err := zip.NewReader(bytes.NewReader(raw), int64(len(raw)))
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	put := func(h zip.FileHeader, data []byte) {
		// Written by hand, so that the reader's strictness about headers is not what
		// stops the attack.
		h.Method, h.CRC32 = zip.Store, crc32.ChecksumIEEE(data)
		h.UncompressedSize64, h.CompressedSize64 = uint64(len(data)), uint64(len(data))
		f, err := w.CreateRaw(&h)
		if err == nil {
			_, err = f.Write(data)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, entry := range r.File {
		f, err := entry.Open()
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(f)
		if err != nil {
			t.Fatal(err)
		}
		stays := true
		if alter != nil {
			data, stays = alter(entry.Name, data)
		}
		if stays {
			put(entry.FileHeader, data)
		}
	}
	for i := 0; i+1 < len(added); i += 2 {
		h := r.File[0].FileHeader
		h.Name = added[i]
		put(h, []byte(added[i+1]))
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// Bits rot on disks: whatever byte of the cache is another one, the client serves
// a release as it was signed, or says that it has none.
func TestEveryByteOfTheCacheFlipped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ch := newChannel(t)
		tiny := func(text string) map[string]string {
			return map[string]string{"support/a/b.yaml": "template: " + text + "\n"}
		}
		ch.release(tiny("Old"))
		o := ch.options(t)
		o.Frozen = true
		c := open(t, o)
		ch.release(tiny("New"))
		if err := c.Sync(t.Context()); err != nil {
			t.Fatal(err)
		}
		_ = c.Close()
		down := o
		down.URLs = nil
		allowed := map[string]bool{"Old": true, "New": true}
		says := func(c *Client) string {
			out, err := c.Render("support/a/b", nil)
			if err != nil {
				t.Fatal(err)
			}
			return out.Text()
		}
		const step = 7
		for _, path := range filesOf(t, o.Cache) {
			original := readAll(t, path)
			for i := 0; i < len(original); i += step {
				damaged := bytes.Clone(original)
				damaged[i] ^= 1 << (i % 8)
				overwrite(t, path, damaged)
				c, err := Open(t.Context(), down)
				if err != nil {
					t.Fatalf("%s, byte %d: %v, but the older release is whole", path, i, err)
				}
				if text := says(c); !allowed[text] {
					t.Fatalf("%s, byte %d: the client says %q", path, i, text)
				}
				_ = c.Close()
			}
			// Cut short, and gone.
			for _, size := range []int{0, len(original) / 2} {
				overwrite(t, path, original[:size])
				if c, err := Open(t.Context(), down); err == nil {
					if text := says(c); !allowed[text] {
						t.Fatalf("%s cut to %d: the client says %q", path, size, text)
					}
					_ = c.Close()
				}
			}
			overwrite(t, path, original)
		}

		// Damage is mended by the next sync.
		for _, path := range filesOf(t, o.Cache) {
			if strings.Contains(path, "packs") {
				overwrite(t, path, []byte("rubbish"))
			}
		}
		_ = open(t, o).Close()
		c = open(t, down)
		if text := says(c); text != "New" || c.Snapshot().Source() != SourceDisk {
			t.Errorf("served %q from %s", text, c.Snapshot().Source())
		}
	})
}

// Rot, or somebody's hand, in the newest release on disk opens no way back to an
// older one: the record still says what was accepted.
func TestDamageIsNoWayBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ch := newChannel(t)
		ch.releaseText("Old")
		o := ch.options(t)
		c := open(t, o)
		before := filesOf(t, o.Cache)
		middle := signed(t, "acme", library("Middle"), sequence(ch.last+1))
		ch.last += 2
		newest := ch.releaseText("New")
		<-c.Changes()
		synctest.Wait()
		_ = c.Close()
		damaged := 0
		for _, path := range filesOf(t, o.Cache) {
			if strings.Contains(path, "packs") && !slices.Contains(before, path) {
				overwrite(t, path, []byte("rubbish"))
				damaged++
			}
		}
		if damaged == 0 {
			t.Fatal("nothing to damage")
		}

		refused := ch.offer(middle)
		c = open(t, o)
		synctest.Wait()
		wantText(t, c, "Old")
		if ack := ch.lastAck(refused); ack.State != protocol.StateFailed || ack.Code != protocol.CodeUntrusted {
			t.Errorf("acknowledged %+v", ack)
		}
		if s := c.Status(); s.State != StateRefused {
			t.Errorf("status %s, %v", s.State, s.Problem)
		}
		ch.with(func() {
			ch.head = newest
			close(ch.changed)
			ch.changed = make(chan struct{})
		})
		time.Sleep(time.Hour)
		wantText(t, c, "New")
	})
}

// A trusted key that was removed counts for nothing, also for what is on disk;
// one that has only run out still vouches for what it once signed.
func TestKeysThatEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ch := newChannel(t)
		ch.releaseText("One")
		o := ch.options(t)
		line := string(trustLine(t))
		until := time.Now().Add(time.Hour).UTC().Format("20060102150405Z")
		o.Trust = []byte(strings.Replace(line, " namespaces=", fmt.Sprintf(" valid-before=%q,namespaces=", until), 1))
		_ = open(t, o).Close()
		time.Sleep(2 * time.Hour)
		down := o
		down.URLs, down.Frozen = nil, true
		c := open(t, down)
		wantText(t, c, "One")
		_ = c.Close()
		down.Trust = []byte(bundle.AllowedSigner("acme/*", keyOf(t, "other").PublicKey()))
		if _, err := Open(t.Context(), down); !errors.Is(err, ErrOffline) || !errors.Is(err, ErrUntrusted) {
			t.Errorf("open with the key removed: %v", err)
		}
		ch.releaseText("Two")
		c = open(t, o)
		synctest.Wait()
		if s := c.Status(); !errors.Is(s.Problem, ErrUntrusted) {
			t.Errorf("a new release of a key that has run out: %+v", s)
		}
		wantText(t, c, "One")
	})
}
