// Package gitstore is a git repository as trees and history, shared safely with
// people who use git in it at the same time. It knows nothing of prompts: it
// reads commits, trees and blobs, compares two commits, and commits a set of
// paths.
//
// # Reading
//
// A [Repo] reads loose objects and packs by position, so that any number of
// goroutines may read at once, also while a commit goes on. Packs that `git
// gc`, `git repack` or `git maintenance` add or take away while the repository
// is open are noticed when an object is missing where it was: the folder is
// listed again and the object sought once more. Refs are always read from disk,
// loose before packed. Trees are compared as the bytes they are stored as, and
// two equal hashes end the comparison, so that a [Repo.Diff] costs what has
// changed and not what is there.
//
// # Committing
//
// [Repo.Commit] makes the commit that `git commit --only -- PATHS` would make,
// under git's own locks: the tree is the tip's with nothing but the paths of
// the commit replaced, so that what a user has staged on other paths stays
// staged. Objects are written before any lock is taken. Then index.lock,
// HEAD.lock and the lock of the branch are taken as git takes them, by creating
// a file that must not exist; the branch is compared with what the caller
// believed it to be, and swapped; the entries of the paths are patched in the
// bytes of the index, its cached trees kept valid, so that the user's next `git
// status` is clean and fast. A lock of somebody else is waited for and never
// removed.
//
// Our own locks are hard links to files in the folder "anvil" of the common git
// folder. A journal there names the commit under way, and a lock that is the
// same file as ours, found while nobody holds our process lock, can only have
// been left by a crash: it is then completed when the branch had been swapped,
// or taken back when it had not, with its lines in the reflogs. A pending index
// that a power failure tore is made again from what the commit changed.
//
// # Merging, looking back, packing
//
// [Repo.Merge] says what a merge of three commits comes to and writes nothing; the
// contents of files are merged by whoever asks. [Repo.AsOf] is the commit that a ref
// had at a time, by its reflog and else by the dates of commits. [Repo.Maintain] runs
// the git binary, which packs what has piled up; nothing else here runs it.
//
// # What lasts
//
// When Commit returns, its objects, their names and the ref are on the disk, in
// this order: all contents are written and then synced at once, then the folders
// of the objects, then, after the ref has moved, the ref's. A power failure at any
// moment leaves the commit whole or not there, and never a ref without its
// objects, on any file system that keeps what fsync promises. The index is not
// synced, since git makes it again, and neither are the reflogs. git's own
// core.fsync=all syncs files but no folder; its default syncs no loose object.
// docs/decisions/0008 says why the cheaper ways are not taken.
//
// # What it costs
//
// Objects and trees cost what has changed, times the depth of its folders. The
// index is one file with an entry for every file of the tree, and whoever changes
// one writes all of it: its bytes are copied, the changed entries overwritten,
// the checksum taken up where the first of them lies, while the disk is busy with
// the objects. That is the part that grows with the repository; a bare one, and a
// branch that is not checked out, do not have it.
//
// # Elsewhere than on Linux
//
// Only Linux is tested. A running git command that holds no lock is seen there
// alone; elsewhere the caller waits for a quiet period. Windows has no stat for
// the index but size and time, cannot sync a folder, and does not let a pack be
// removed while it is open here: `git gc` then leaves it for later. On a file
// system without hard links the locks are copies, and one that a crash leaves
// behind is told by its content; a torn one must be removed by hand.
//
// # What is refused
//
// Repositories that Anvil could not write as git would are refused when they
// are opened, with [ErrUnsupported] and a hint: SHA-256, reftable, partial
// clones, split and sparse indexes, and attributes or settings that convert the
// watched files between the work tree and the repository. So are, as git refuses
// them, those of another user that safe.directory does not name. A file alone is
// refused, with a [ConvertedError], when only its line ends would be converted.
// Hooks are not run and commits are not signed as commit.gpgsign asks; see
// [Repo.Skipped]. Replace refs and grafts are not followed.
//
// # go-git
//
// The formats are those of git's own documentation: gitformat-index,
// gitformat-pack, gitrepository-layout, git-config and gitattributes. go-git
// applies the deltas of packs (packfile.PatchDelta), writes the indexes of new
// ones (idxfile.Writer) and reads the commit-graph (commitgraph/v2). The objects of packs are read here because
// go-git's readers may not be shared between goroutines, keep a map of every
// object they ever looked up, and do not see packs whose name does not begin
// with "pack-". The configuration is read here because go-git follows no
// include and forgets where one stood; attributes, because its patterns match
// other paths than git's. docs/decisions/0001 says more.
package gitstore
