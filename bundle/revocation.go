package bundle

import (
	"bytes"
	"maps"
	"strings"

	"golang.org/x/crypto/ssh"
)

// Revoke returns trust that believes none of the keys in the list, whatever its
// lines say and whenever something was accepted. The list is what "ssh-keygen -Y
// verify -r" takes: public keys, one a line, with comments after "#". As with
// [ParseTrust], one line that cannot be understood is an error for the list.
func (t *Trust) Revoke(list []byte) (*Trust, error) {
	if bytes.HasPrefix(list, []byte("SSHKRL\n\x00")) {
		return nil, &lineError{
			what: "revoked keys", line: 1, message: "it is a binary KRL",
			hint: "list the public keys as text, one a line, as they stand in their .pub files",
		}
	}
	revoked := map[string]bool{}
	if t != nil {
		maps.Copy(revoked, t.revoked)
	}
	number := 0
	for line := range strings.SplitSeq(string(list), "\n") {
		number++
		line = strings.Trim(line, blanks+"\r")
		if line == "" || line[0] == '#' {
			continue
		}
		var a allowed
		if err := a.parseKey(line); err != nil {
			return nil, &lineError{
				what: "revoked keys", line: number, message: err.Error(),
				hint: "a line reads: ssh-ed25519 AAAA... ; nothing is believed until every line can be read",
			}
		}
		revoked[string(a.key)] = true
	}
	out := &Trust{revoked: revoked}
	if t != nil {
		out.lines = t.lines
	}
	return out, nil
}

func (t *Trust) revokes(key ssh.PublicKey) bool { return t != nil && t.revoked[string(key.Marshal())] }
