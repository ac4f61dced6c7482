package bundle

// ReadMe is README.txt, the same in every bundle of a format version. It is
// outside the sums; a reader compares it with its own copy.
const ReadMe = `This is an Anvil bundle, format 1.

It can be verified without Anvil, with unzip, ssh-keygen (OpenSSH 8.1 or later)
and sha256sum. Unpack it into an empty folder and run, in that folder:

  ssh-keygen -Y verify -f ALLOWED_SIGNERS -I IDENTITY -n anvil-bundle-v1 \
      -s manifest.json.sig < manifest.json

where ALLOWED_SIGNERS is your own list of trusted keys, from anywhere but this
archive, and IDENTITY is the "stream" that manifest.json names, or
"ORGANISATION/selection" when its type is anvil.selection. Then

  sha256sum SHA256SUMS

must print what manifest.json says in content.sums_sha256, and

  sha256sum --strict -c SHA256SUMS

must end without a complaint. There must be no file but manifest.json,
manifest.json.sig, SHA256SUMS, README.txt and those that SHA256SUMS lists;
sha256sum does not look for others.
`
