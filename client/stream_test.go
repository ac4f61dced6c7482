package client

import (
	"strings"
	"testing"
)

// Package release has the same table: what a client can ask for is what a server
// can offer.
func TestNames(t *testing.T) {
	for _, c := range []struct {
		name             string
		project, channel bool
	}{
		{"a", true, true},
		{"a-b_c.d", true, true},
		{"9lives", true, true},
		{strings.Repeat("a", 100), true, true},
		{strings.Repeat("a", 101), false, false},
		{strings.Repeat("a", 128), false, false},
		{strings.Repeat("a", 129), false, false},
		{"draft", true, true},
		{"draft-previous", true, false},
		{"", false, false},
		{".", false, false},
		{"..", false, false},
		{"a..b", false, false},
		{"a.", false, false},
		{".a", false, false},
		{"-x", false, false},
		{"_x", false, false},
		{"a.lock", false, false},
		{"Support", false, false},
		{"a b", false, false},
		{"a/b", false, false},
		{"bücher", false, false},
	} {
		if isName(c.name) != c.project || isChannel(c.name) != c.channel {
			t.Errorf("%.20q: a project %v, a channel %v", c.name, isName(c.name), isChannel(c.name))
		}
		if _, err := parseStream("acme/" + c.name + "/draft"); (err == nil) != c.project {
			t.Errorf("stream of project %.20q: %v", c.name, err)
		}
		if _, err := parseStream("acme/support/" + c.name); (err == nil) != c.channel {
			t.Errorf("stream of channel %.20q: %v", c.name, err)
		}
	}
}
