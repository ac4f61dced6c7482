// Package daemon keeps the history of an organisation equal to its folder.
//
// Authors save YAML files in whatever editor they like. The daemon notices,
// waits until the file stands still, checks what the whole library would be
// with it, and commits it to the branch that is checked out, or holds it and
// says why. Each new tip is handed to one function, [Options.OnTip], which the
// command line wires to the releases.
//
// # The principle
//
// A scan is the truth, events are hints, only commits are served. If every
// file system event were lost the daemon would still be right, one rescan
// later. Nobody downstream reads the folder, so any pause is safe: applications
// hold the last committed tip whatever the author is in the middle of.
//
// # The pipeline
//
//	watch ─► dirty set ─► settle ─► capture ─► check ─► guard ─► commit ─► tip
//	names     a hint       timers    bytes      prompt   git's     gitstore   OnTip
//	                                            holds    state
//
// One goroutine owns all of it ([Daemon.Run]). A second one only drains the
// watcher into the dirty set, because a watcher that is not drained loses
// events. A third calls OnTip, one call at a time, the latest tip wins.
// Readers of the state get an immutable [Status].
//
// What the folder and the tip disagree about is kept as the delta: one entry a
// path, with the bytes as captured and the blob that the file was edited from.
// Every round judges the whole delta anew, so a hold goes as soon as its reason
// does, whoever removed it.
//
// # What it never does
//
//   - commit anything but the organisation's own files ([prompt.Owns], in
//     folders that are projects); a YAML file in a project that is misnamed or
//     in the wrong folder is held, so that its author learns of it;
//   - commit in the middle of the user's merge, rebase, checkout or commit;
//   - touch what the user staged, or a lock that is not its own;
//   - undo a newer commit with an older text: a file whose committed version
//     moved on since it was edited is merged with it, field by field. The merge is
//     committed and then the file brought up to it, if it is still what was merged.
//     In conflict it is held, untouched, until it has those changes in it or
//     [Daemon.Accept] says that it is right without;
//   - believe that an empty or missing folder means that all was deleted;
//   - write to the folder, but for a file that was merged.
//
// # Who commits
//
// The author is who git would name. The committer is always Anvil
// <anvil@localhost>, so that its commits can be told from people's and no host
// name gets into a history that may be public. Hooks are not run and commits not
// signed; where git is set up for either, that is said at the start.
//
// # Its own files
//
// In <git common dir>/anvil: "pid", locked while a daemon runs (one a
// repository), "edits.json", which remembers across restarts the blob that each
// uncommitted file was edited from, and for a moment "merged.*", on its way into the
// folder.
package daemon
