// Package client is what an application embeds: it follows one project on one
// channel of an Anvil server, keeps the last verified releases in a folder, and
// renders prompts in the process. The network is never on the way of a render.
//
//	c, err := client.Open(ctx, client.Options{Project: "support", Cache: "/var/lib/app/anvil"})
//	if err != nil { … }
//	defer c.Close()
//	out, err := c.Render("support/triage/classify", client.Args{"message": text})
//
// # What it promises
//
// A [Snapshot] is one release, whole and immutable: whoever keeps one for the
// length of a request sees one revision, however many prompts it renders.
// Looking a prompt up and rendering it do no I/O, take no lock and never wait.
//
// Nothing is visible that was not verified: the signature over the manifest by
// a key trusted for exactly this stream, its sequence and expiry, the SHA-256 of
// every file, that everything compiles, and last the application's own
// [Options.Accept]. What fails any of it changes nothing: the last good release
// stays, [Client.Status] says why, and the server is told.
//
// The client starts without the network, from its folder or from a release
// compiled into the binary ([Options.Embedded]), whichever is newer, and follows
// in the background until [Client.Close]. Only with neither does [Open] wait.
// Age is told with every result and becomes an error only where the application
// asked for it ([Options.MaxStale]).
//
// # Trust
//
// Who may sign for a stream stands in allowed_signers lines that the application
// brings ([Options.Trust]). What the server says is believed nowhere: it offers
// a release, and the release speaks for itself. The organisation that was once
// accepted in a cache folder is the only one accepted there from then on. What
// was accepted is checked again at every start, against the keys as they were
// valid when it was accepted; a key that was taken out of the lines counts for
// nothing at once.
//
// # The folder
//
// Several processes may share a cache folder. It holds packs of files, named by
// the SHA-256 of their bytes, and for every kept release a folder with its signed
// manifest, which `ssh-keygen -Y verify` and `sha256sum` can check:
//
//	client                                  the client's id
//	lock                                    held while the folder changes
//	packs/<sha256>                          files, many in one
//	streams/<project>/<channel>/current     the name of a release folder
//	streams/<project>/<channel>/<n>-<hash>/ manifest.json, manifest.json.sig, SHA256SUMS, held.json
//
// A release becomes current by one rename, after everything it needs is durable.
// The last three stay. Damage is found by hashing at the next start; then an
// older one serves until the full bundle has been fetched again.
package client
