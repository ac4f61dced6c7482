package client

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/anvilpeering/anvil/bundle"
)

var supportProduction = stream{project: "support", channel: "production"}

func never(*record) bool { return false }

// stored reads the current release of a cache back, verified.
func stored(t testing.TB, c *cache) (*bundle.Bundle, error) {
	t.Helper()
	names, err := c.records()
	if err != nil {
		return nil, err
	}
	if len(names) == 0 {
		return nil, os.ErrNotExist
	}
	return restored(t, c, names[0])
}

func restored(t testing.TB, c *cache, name string) (*bundle.Bundle, error) {
	t.Helper()
	r, err := c.read(name)
	if err != nil {
		return nil, err
	}
	content, err := c.content(r)
	if err != nil {
		return nil, err
	}
	trust, err := bundle.ParseTrust(trustLine(t))
	if err != nil {
		t.Fatal(err)
	}
	return bundle.Assemble(r.raw, r.signature, r.sums, content, bundle.Expect{
		Trust: trust, Identity: theStream, Accepted: r.held.Accepted, AllowExpired: true,
	})
}

func TestCacheKeepsTheLastThree(t *testing.T) {
	c := openCache(t.TempDir(), supportProduction)
	now := time.Now().Unix()
	for i := range int64(8) {
		b := signed(t, "acme", library(fmt.Sprint("text ", i)), sequence(now+i))
		if err := c.store(b, releaseID(b), time.Now(), never); err != nil {
			t.Fatal(err)
		}
		got, err := stored(t, c)
		if err != nil {
			t.Fatal(err)
		}
		if got.ID() != b.ID() {
			t.Fatalf("release %d: read back another one", i)
		}
	}
	names, err := c.records()
	if err != nil {
		t.Fatal(err)
	}
	var sequences []int64
	for _, n := range names {
		if _, err := restored(t, c, n); err != nil {
			t.Errorf("%s: %v", n, err)
		}
		sequences = append(sequences, sequenceOf(n)-now)
	}
	if !slices.Equal(sequences, []int64{7, 6, 5}) {
		t.Errorf("kept releases %v, want the last three", sequences)
	}
}

// A delta of one file must not write ten thousand again, and what no kept release
// needs must not stay for ever.
func TestCachePacks(t *testing.T) {
	c := openCache(t.TempDir(), supportProduction)
	files := library("first")
	for i := range 200 {
		files[fmt.Sprintf("support/many/p%03d.yaml", i)] = fmt.Sprintf("template: %0200d\n", i)
	}
	now := time.Now().Unix()
	most := 0
	for i := range int64(60) {
		files = maps.Clone(files)
		files[fmt.Sprintf("support/many/p%03d.yaml", i)] = fmt.Sprintf("template: changed %d\n", i)
		b := signed(t, "acme", files, sequence(now+i))
		if err := c.store(b, releaseID(b), time.Now(), never); err != nil {
			t.Fatal(err)
		}
		packs, err := os.ReadDir(filepath.Join(c.root, "packs"))
		if err != nil {
			t.Fatal(err)
		}
		most = max(most, len(packs))
		if i == 1 {
			if st, err := os.Stat(filepath.Join(c.root, "packs", newest(t, packs))); err != nil || st.Size() > 1000 {
				t.Errorf("a delta of one file wrote a pack of %v bytes", st.Size())
			}
		}
	}
	if most > 2*packsMost {
		t.Errorf("up to %d packs in the folder", most)
	}
	if _, err := stored(t, c); err != nil {
		t.Error(err)
	}
}

func newest(t testing.TB, entries []os.DirEntry) string {
	t.Helper()
	var name string
	var at time.Time
	for _, e := range entries {
		st, err := e.Info()
		if err != nil {
			t.Fatal(err)
		}
		if !st.ModTime().Before(at) {
			name, at = e.Name(), st.ModTime()
		}
	}
	return name
}

func TestCacheNeverGoesBack(t *testing.T) {
	c := openCache(t.TempDir(), supportProduction)
	now := time.Now().Unix()
	newer, older := signed(t, "acme", library("newer"), sequence(now+1)), signed(t, "acme", library("older"), sequence(now))
	if err := c.store(newer, "newer", time.Now(), never); err != nil {
		t.Fatal(err)
	}
	other := openCache(c.root, supportProduction)
	ahead := func(r *record) bool { return sequenceOf(r.name) >= older.Manifest.Sequence }
	if err := other.store(older, "older", time.Now(), ahead); err != nil {
		t.Fatal(err)
	}
	if got, err := stored(t, c); err != nil || got.ID() != newer.ID() {
		t.Errorf("the slower process put the older release in place: %v", err)
	}
}

// TestCacheDies kills a process at every step of storing a release. The next
// start must find the old release or the new one, whole; and go on from there.
func TestCacheDies(t *testing.T) {
	at := func(n int64) func(*bundle.Manifest) {
		return func(m *bundle.Manifest) {
			m.Sequence, m.Created, m.Expires = n, time.Unix(n, 0), time.Unix(n+3600, 0)
		}
	}
	old, fresh, last := signed(t, "acme", library("old"), at(1_000)), signed(t, "acme", library("fresh"), at(2_000)), signed(t, "acme", library("last"), at(3_000))
	if dir := os.Getenv("ANVIL_TEST_DIE_IN"); dir != "" {
		c := openCache(dir, supportProduction)
		if err := c.store(old, "old", time.Unix(1_000, 0), never); err != nil {
			t.Fatal(err)
		}
		steps := 0
		c.step = func(name string) error {
			if steps++; fmt.Sprint(steps) == os.Getenv("ANVIL_TEST_DIE_AT") {
				fmt.Println("died", name)
				die()
			}
			return nil
		}
		if err := c.store(fresh, "fresh", time.Unix(2_000, 0), never); err != nil {
			t.Fatal(err)
		}
		return
	}
	found := make(map[string]bool)
	for step := 1; ; step++ {
		dir := t.TempDir()
		cmd := exec.Command(os.Args[0], "-test.run=^TestCacheDies$")
		cmd.Env = append(os.Environ(), "ANVIL_TEST_DIE_IN="+dir, fmt.Sprint("ANVIL_TEST_DIE_AT=", step))
		out, err := cmd.CombinedOutput()
		died := bytes.Contains(out, []byte("died"))
		if err != nil && !died {
			t.Fatalf("%v\n%s", err, out)
		}
		c := openCache(dir, supportProduction)
		got, err := stored(t, c)
		switch {
		case err != nil:
			t.Errorf("died at step %d (%s): nothing to start with: %v", step, strings.TrimSpace(string(out)), err)
		case got.ID() == old.ID():
			found["old"] = true
		case got.ID() == fresh.ID():
			found["fresh"] = true
		default:
			t.Errorf("died at step %d: found another release", step)
		}
		if err := c.store(last, "last", time.Unix(3_000, 0), never); err != nil {
			t.Errorf("died at step %d: the next store: %v", step, err)
		} else if got, err := stored(t, c); err != nil || got.ID() != last.ID() {
			t.Errorf("died at step %d: the next store kept something else: %v", step, err)
		}
		if leftover := temporaries(t, dir); len(leftover) > 0 {
			t.Errorf("died at step %d: %v stayed", step, leftover)
		}
		if !died {
			if step < 8 {
				t.Errorf("only %d steps", step)
			}
			break
		}
	}
	if !found["old"] || !found["fresh"] {
		t.Errorf("found only %v: the steps do not straddle the moment of the change", found)
	}
}

// TestCacheFails makes every step of storing a release fail, as a full disk would.
// What was there stays, nothing half-written does, and the next store works.
func TestCacheFails(t *testing.T) {
	full := errors.New("no space left on device")
	old, fresh := signed(t, "acme", library("old"), sequence(1_000_000)), signed(t, "acme", library("fresh"), sequence(1_000_001))
	for step := 1; ; step++ {
		c := openCache(t.TempDir(), supportProduction)
		if err := c.store(old, "old", time.Now(), never); err != nil {
			t.Fatal(err)
		}
		steps := 0
		c.step = func(string) error {
			if steps++; steps == step {
				return full
			}
			return nil
		}
		failed := c.store(fresh, "fresh", time.Now(), never)
		if failed != nil && !errors.Is(failed, full) {
			t.Fatalf("step %d: %v", step, failed)
		}
		got, err := stored(t, c)
		if err != nil || failed == nil && got.ID() != fresh.ID() || got.ID() != old.ID() && got.ID() != fresh.ID() {
			t.Fatalf("step %d: after %v the cache holds something else: %v", step, failed, err)
		}
		if left := temporaries(t, c.root); len(left) > 0 {
			t.Errorf("step %d: %v stayed", step, left)
		}
		if steps < step {
			break
		}
		if err := c.store(fresh, "fresh", time.Now(), never); err != nil {
			t.Fatalf("step %d: the next store: %v", step, err)
		}
		if got, err := stored(t, c); err != nil || got.ID() != fresh.ID() {
			t.Fatalf("step %d: the next store kept something else: %v", step, err)
		}
	}
}

// Streams share a folder and its packs, and nothing else.
func TestCacheOfTwoStreams(t *testing.T) {
	dir := t.TempDir()
	production, draft := openCache(dir, supportProduction), openCache(dir, stream{project: "support", channel: "draft"})
	b := signed(t, "acme", library("same"), sequence(1_000_000))
	if err := production.store(b, "same", time.Now(), never); err != nil {
		t.Fatal(err)
	}
	for i := range int64(6) {
		other := signed(t, "acme", library(fmt.Sprint("draft ", i)), sequence(2_000_000+i))
		if i == 0 {
			other = b
		}
		if err := draft.store(other, "draft", time.Now(), never); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := stored(t, production); err != nil || got.ID() != b.ID() {
		t.Errorf("the other stream took it away: %v", err)
	}
}

func temporaries(t testing.TB, dir string) (found []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
		if err == nil && strings.HasPrefix(e.Name(), unfinished) {
			found = append(found, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// die ends the process as a crash would.
func die() {
	p, _ := os.FindProcess(os.Getpid())
	_ = p.Kill()
	select {}
}

func FuzzDecodePack(f *testing.F) {
	_, raw := encodePack([]packed{{hash{1}, []byte("one")}, {hash{2}, nil}})
	f.Add(raw)
	f.Add([]byte(packMagic + "\x00\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		into := make(map[hash][]byte)
		if decodePack(raw, into) != nil {
			return
		}
		var files []packed
		for h, data := range into {
			files = append(files, packed{h, data})
		}
		if _, again := encodePack(files); len(into) > 0 && len(again) > len(raw) {
			t.Fatalf("%d files of %d bytes came out of %d bytes", len(into), len(again), len(raw))
		}
	})
}
