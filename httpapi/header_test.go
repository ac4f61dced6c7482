package httpapi

import (
	"hash/maphash"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/anvilpeering/anvil/protocol"
)

func TestPreferredWait(t *testing.T) {
	for _, c := range []struct {
		headers []string
		wait    time.Duration
		ok      bool
	}{
		{nil, 0, false},
		{[]string{"wait=50"}, 50 * time.Second, true},
		{[]string{"Wait=50"}, 50 * time.Second, true},
		{[]string{`wait="50"`}, 50 * time.Second, true},
		{[]string{"wait = 50 ; strict=1"}, 50 * time.Second, true},
		{[]string{"respond-async, wait=10"}, 10 * time.Second, true},
		{[]string{"respond-async", "wait=10"}, 10 * time.Second, true},
		{[]string{"wait=10, wait=20"}, 10 * time.Second, true},
		{[]string{"wait=0"}, 0, true},
		{[]string{"wait"}, 0, false},
		{[]string{"wait="}, 0, false},
		{[]string{"wait=-1"}, 0, false},
		{[]string{"wait=soon"}, 0, false},
		{[]string{"wait=99999999999999999999"}, 0, false},
		{[]string{"waits=10"}, 0, false},
	} {
		wait, ok := preferredWait(c.headers)
		if ok != c.ok || ok && wait != c.wait {
			t.Errorf("%q: %v, %v", c.headers, wait, ok)
		}
	}
}

func FuzzPreferredWait(f *testing.F) {
	for _, s := range []string{"wait=50", `wait="5";x, y`, ",;=", "wait=2147483647"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if wait, ok := preferredWait([]string{s}); ok && wait < 0 {
			t.Errorf("%q waits %v", s, wait)
		}
	})
}

func TestEntityTag(t *testing.T) {
	for header, want := range map[string]string{
		``: "", `"abc"`: "abc", `W/"abc"`: "abc", ` "abc"`: "abc", `"abc", "def"`: "abc",
		`*`: "", `abc`: "", `"abc`: "", `"`: "", `""`: "", "\"a\nb\"": "", `"` + strings.Repeat("a", 200) + `"`: "",
	} {
		if got := entityTag(header); got != want {
			t.Errorf("%q: %q, want %q", header, got, want)
		}
	}
}

// What is echoed in a header is what can stand in one.
func FuzzEntityTag(f *testing.F) {
	f.Add(`"0123456789abcdef0123456789abcdef01234567"`)
	f.Add(`W/"x", *`)
	f.Fuzz(func(t *testing.T, s string) {
		if tag := entityTag(s); strings.ContainsFunc(tag, func(r rune) bool { return r <= ' ' || r > '~' || r == '"' }) {
			t.Errorf("%q gives %q", s, tag)
		}
	})
}

func FuzzAcknowledgements(f *testing.F) {
	for _, s := range []string{`{"client_id":"c1","release":"x","state":"applied"}`, ` [{"state":"failed"},{}]`, `[]`, `[[]]`, `null`, ``} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		_, err := acknowledgements(body)
		if err != nil && problemOf(err, false).Status != 400 {
			t.Errorf("%q: %v", body, err)
		}
	})
}

func FuzzRegistration(f *testing.F) {
	f.Add([]byte(`{"client_id":"c1","protocol":[1],"modes":["full"],"held":null}`))
	f.Add([]byte(`{"labels":{"a":"b"},"held":{"sequence":-1}}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		var r protocol.Registration
		if err := decode(body, &r); err != nil && problemOf(err, false).Status != 400 {
			t.Errorf("%q: %v", body, err)
		}
	})
}

// One busy address slows another down only when it shares both of its cells.
func TestAddressIsRefusedByBothCellsAlone(t *testing.T) {
	addr := netip.MustParseAddr("203.0.113.9")
	for _, c := range []struct {
		spent []int
		ok    bool
	}{
		{nil, true},
		{[]int{0}, true},
		{[]int{1}, true},
		{[]int{0, 1}, false},
	} {
		a := newAddressLimits(0.001, 1)
		for _, i := range c.spent {
			at := maphash.Comparable(a.seeds[i], addr) % uint64(len(a.cells[i]))
			if _, ok := a.cells[i][at].take(a.limit, 0); !ok {
				t.Fatal("spent already")
			}
		}
		if wait, ok := a.take(addr); ok != c.ok || !ok && wait <= 0 {
			t.Errorf("cells %v spent by others: %v, wait %v", c.spent, ok, wait)
		}
	}
}

func TestCell(t *testing.T) {
	l := newLimit(10, 5) // ten a second, five at once
	var c cell
	take := func(now time.Duration, want bool) {
		t.Helper()
		if wait, ok := c.take(l, now); ok != want || !ok && wait <= 0 {
			t.Errorf("at %v: %v, wait %v", now, ok, wait)
		}
	}
	for range 5 {
		take(0, true)
	}
	take(0, false)
	take(99*time.Millisecond, false)
	take(100*time.Millisecond, true)
	take(100*time.Millisecond, false)
	wait, _ := c.take(l, 100*time.Millisecond)
	take(100*time.Millisecond+wait, true)
	for range 5 {
		take(time.Hour, true) // what was not used is not saved up beyond the burst
	}
	take(time.Hour, false)
}
