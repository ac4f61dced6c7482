package push

import (
	"errors"
	"strings"
	"testing"
)

func TestTokenText(t *testing.T) {
	text, id, secret := drawToken()
	if len(text) != 4+9+1+43+6 || !strings.HasPrefix(text, "anv_"+id+"_"+secret) {
		t.Fatalf("token %q", text)
	}
	if gotID, gotSecret, ok := parseToken(text); !ok || gotID != id || gotSecret != secret {
		t.Errorf("parsed %q, %q, %v", gotID, gotSecret, ok)
	}
	other, _, _ := drawToken()
	if other == text {
		t.Error("drew the same token twice")
	}
}

// The form is a promise to secret scanners.
func TestTokenOfOldStaysGood(t *testing.T) {
	const text = "anv_123456789_0123456789abcdefghijklmnopqrstuvwxyzABCDEFG1IhduX"
	made := formatToken("123456789", "0123456789abcdefghijklmnopqrstuvwxyzABCDEFG")
	if made != text {
		t.Errorf("made %s", made)
	}
}

func TestNotATokenOfAnvil(t *testing.T) {
	good, _, _ := drawToken()
	flip := func(i int) string {
		b := []byte(good)
		if b[i]++; strings.IndexByte(base62, b[i]) < 0 {
			b[i] = '0'
		}
		return string(b)
	}
	for name, text := range map[string]string{
		"empty": "", "prefix alone": "anv_", "short": good[:len(good)-1], "long": good + "0",
		"other prefix": "xnv_" + good[4:], "no underscore": good[:13] + "0" + good[14:],
		"typo in the id": flip(5), "typo in the secret": flip(20), "typo in the checksum": flip(len(good) - 1),
		"not base62": good[:20] + "-" + good[21:], "spaces": " " + good[1:],
	} {
		if _, _, ok := parseToken(text); ok {
			t.Errorf("%s: accepted", name)
		}
	}
}

func FuzzParseToken(f *testing.F) {
	good, _, _ := drawToken()
	f.Add(good)
	f.Add("anv_")
	f.Add("")
	f.Fuzz(func(t *testing.T, text string) {
		id, secret, ok := parseToken(text)
		if ok && formatToken(id, secret) != text {
			t.Errorf("%q is read as %q", text, formatToken(id, secret))
		}
	})
}

func TestNewTokenIsChecked(t *testing.T) {
	for _, c := range []struct {
		name string
		n    NewToken
		ok   bool
	}{
		{"client", NewToken{Name: "checkout", Role: RoleClient, Project: "support", Channel: "production"}, true},
		{"client of every channel", NewToken{Name: "checkout", Role: RoleClient, Project: "support"}, false},
		{"client of every project", NewToken{Name: "checkout", Role: RoleClient, Channel: "draft"}, false},
		{"admin of all", NewToken{Name: "ops", Role: RoleAdmin}, true},
		{"no name", NewToken{Role: RoleAdmin}, false},
		{"blank name", NewToken{Name: "  ", Role: RoleAdmin}, false},
		{"a name that moves the terminal", NewToken{Name: "a\x1b[2J", Role: RoleAdmin}, false},
		{"unknown role", NewToken{Name: "ops", Role: "root"}, false},
		{"no role", NewToken{Name: "ops"}, false},
		{"project that is a path", NewToken{Name: "ops", Role: RoleViewer, Project: "../etc"}, false},
		{"project with two dots in a row", NewToken{Name: "ops", Role: RoleViewer, Project: "a..b"}, false},
		{"channel that git keeps for itself", NewToken{Name: "ops", Role: RoleViewer, Channel: "a.lock"}, false},
		{"channel of the old drafts", NewToken{Name: "ops", Role: RoleViewer, Channel: "draft-previous"}, false},
		{"channel of 101 characters", NewToken{Name: "ops", Role: RoleViewer, Channel: strings.Repeat("a", 101)}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := c.n.check()
			if (err == nil) != c.ok || err != nil && !errors.Is(err, ErrInvalid) {
				t.Errorf("got %v", err)
			}
			if (c.n.Project != "" || c.n.Channel != "") && err != nil && hintOf(err) == "" {
				t.Errorf("%v: no hint", err)
			}
		})
	}
}

func TestRoles(t *testing.T) {
	all := []Role{RoleClient, RoleViewer, RoleEditor, RolePublisher, RoleAdmin}
	for i, has := range all {
		for j, need := range all {
			// A client has no right of people, and people are no clients.
			want := i > 0 && j > 0 && i >= j
			if got := (Token{Role: has}).May(need); got != want {
				t.Errorf("%s may %s: %v", has, need, got)
			}
		}
	}
}

func TestScope(t *testing.T) {
	for _, c := range []struct {
		project, channel     string // of the token
		ofProject, ofChannel string
		covers               bool
	}{
		{"", "", "support", "draft", true},
		{"", "", "", "", true},
		{"support", "", "support", "draft", true},
		{"support", "", "sales", "draft", false},
		{"support", "", "", "", false},
		{"support", "draft", "support", "production", false},
		{"support", "draft", "support", "", false},
		{"", "draft", "sales", "draft", true},
	} {
		k := Token{Project: c.project, Channel: c.channel}
		if got := k.Covers(c.ofProject, c.ofChannel); got != c.covers {
			t.Errorf("%q/%q covers %q/%q: %v", c.project, c.channel, c.ofProject, c.ofChannel, got)
		}
	}
}
