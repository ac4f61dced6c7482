package push

import (
	"testing"

	"github.com/anvilpeering/anvil/protocol"
	"github.com/anvilpeering/anvil/release"
)

// Package release, which does not know the protocol, uses its words.
func TestReleaseSpeaksTheProtocol(t *testing.T) {
	for _, c := range [][2]string{
		{release.ModeFull, string(protocol.ModeFull)},
		{release.ModeDelta, string(protocol.ModeDelta)},
		{release.FallbackUnknown, string(protocol.FallbackUnknown)},
		{release.FallbackLarger, string(protocol.FallbackLarger)},
		{release.FallbackUnrelated, string(protocol.FallbackChannel)},
	} {
		if c[0] != c[1] {
			t.Errorf("release says %q, the protocol %q", c[0], c[1])
		}
	}
}
