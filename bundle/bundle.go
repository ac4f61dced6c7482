package bundle

// Bundle is a release or a selection with all of its content. One that came
// from [Read], [ReadDelta] or [Assemble] is verified and must not be modified.
type Bundle struct {
	Manifest  *Manifest
	Raw       []byte // manifest.json, the exact bytes that are signed
	Signature []byte // manifest.json.sig
	Sums      Sums
	// Content is every file that Sums lists, by its path in the archive:
	// "content/support/triage/classify.yaml", and for selections "resources.json".
	Content map[string][]byte
	Signer  Signer // zero under Expect.Unverified
}

// ID returns the bundle's id, the SHA-256 of its manifest in hex.
func (b *Bundle) ID() string { return ManifestID(b.Raw) }

// Signer is whose signature was believed, and by which line.
type Signer struct {
	Principal   string // the principals of the allowed_signers line that matched
	Fingerprint string // of the key, as ssh-keygen -l prints it: SHA256:…
}
