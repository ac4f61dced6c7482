// Package bundle is the portable archive: what a release or a selection of
// prompts looks like as one file, and what must hold before any of it is
// believed. It works on bytes alone: no git, no network, nothing is ever
// written to disk but a key that was asked for.
//
// # The chain of belief
//
// A bundle is a ZIP of manifest.json, manifest.json.sig, SHA256SUMS, README.txt
// and the files below content/. The signature is an SSHSIG over the raw bytes of
// manifest.json; the manifest commits to SHA256SUMS by its SHA-256, and
// SHA256SUMS to every file by its own. The bytes of the ZIP are never signed or
// compared: compressors change, content does not. So unzip, ssh-keygen and
// sha256sum are enough to verify a bundle by hand; README.txt says how.
//
// A delta carries the new signed manifest, the operations that turn one
// SHA256SUMS into the next, and the files that are new. The operations are not
// signed: whatever they claim, the result must hash to what the manifest says.
//
// [Read], [ReadDelta] and [Assemble] differ in where the bytes come from and end
// in one and the same check. What they return has passed all of it; nothing is
// returned otherwise. docs/bundle-format.md is the format's specification.
//
// # Trust
//
// [Trust] is an OpenSSH allowed_signers file whose principals are patterns of
// streams, so that a key trusted for one project or channel signs no other:
//
//	acme/support/* namespaces="anvil-bundle-v1" ssh-ed25519 AAAA...
//
// The parser fails closed: a line that it does not fully understand makes the
// whole file an error. Verification is always on; [Expect].Unverified is the
// loud exception of whoever reads, and nothing inside a bundle can turn it on.
//
// # Refusals
//
// An archive is refused when this package would not have written it, whether or
// not that would do harm. Every refusal is an [Error] that names the rule, wraps
// one of the Err values that callers branch on and, where a person can do
// something about it, has a Hint.
//
// Values are safe for concurrent use as long as nobody modifies them; the
// content of a [Bundle] is shared with the bundles made from it.
package bundle
