package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"

	"github.com/anvilpeering/anvil/gitstore"
	"github.com/gofrs/flock"
)

// A state folder holds what the server must not lose and git must not hold:
//
//	organisation.json   whose state this is
//	releases.git        everything ever offered
//	anvil.db            clients, tokens, acknowledgements, audit
//	keys/signing        the key that signs releases
//	keys/recipient      the key that opens what others encrypt for us
//	lock                held while a server runs
const (
	stateOwnerFile  = "organisation.json"
	stateReleases   = "releases.git"
	stateDatabase   = "anvil.db"
	stateSigningKey = "keys/signing"

	stateRecipientKey = "keys/recipient"

	stateLock = "lock"
)

// stateOwner says whose state a folder holds. The same name and root commit
// under another path mean that the work tree moved and its state did not.
type stateOwner struct {
	Organisation string `json:"organisation"`
	RootCommit   string `json:"root_commit"`
	Path         string `json:"path"`
}

// stateFolder names the state folder of the organisation at root.
func (a *app) stateFolder(organisation, root string) (string, error) {
	if a.state != "" {
		return filepath.Abs(a.state)
	}
	home, err := stateHome()
	if err != nil {
		return "", err
	}
	return filepath.Join(home, organisation+"-"+shortHash(root)), nil
}

// stateHome is $XDG_STATE_HOME/anvil, by default below ~/.local/state.
func stateHome() (string, error) {
	if xdg := os.Getenv("XDG_STATE_HOME"); filepath.IsAbs(xdg) {
		return filepath.Join(xdg, "anvil"), nil
	}
	if runtime.GOOS == "windows" {
		dir, err := os.UserCacheDir() // %LocalAppData%
		return filepath.Join(dir, "anvil", "state"), err
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", fail("name one with --state DIR", "find a state folder: %w", err)
	}
	return filepath.Join(home, ".local", "state", "anvil"), nil
}

// claimState makes dir, which is locked, the state folder of the organisation at
// p, or finds that it is already. It refuses to begin a second state for an organisation whose
// first one lies beside it under another path: clients would lose their server.
func claimState(dir string, p *place, moved bool) error {
	owner := stateOwner{Organisation: p.organisation, Path: p.root}
	root, err := rootCommit(p.repo)
	if err != nil {
		return err
	}
	owner.RootCommit = root

	there, err := readOwner(dir)
	switch {
	case err == nil && there.Organisation != owner.Organisation && !(moved && there.Path == owner.Path):
		return fail("name another folder with --state DIR", "%s holds the state of organisation %s, not %s", dir, there.Organisation, owner.Organisation)
	case err == nil && there.Path == owner.Path && (there.RootCommit == owner.RootCommit || owner.RootCommit == ""):
		return nil
	case err == nil: // the first commit was made, or the state was named by --state after a move
		return writeOwner(dir, owner)
	case !errors.Is(err, os.ErrNotExist):
		return err
	}

	if !moved {
		if other, found := findState(filepath.Dir(dir), owner); found {
			return fail(fmt.Sprintf("the folder moved, or its organisation has another name: anvil serve --state %s\na server beside the first, with a key of its own: anvil serve --new-state", other),
				"organisation %s has its state in %s", owner.Organisation, other)
		}
	}
	return writeOwner(dir, owner)
}

// lockState takes a state folder for this process, which serves root. The lock's
// file says who has it; only the lock counts.
func lockState(dir, root string) (*flock.Flock, error) {
	path := filepath.Join(dir, stateLock)
	lock := flock.New(path)
	locked, err := lock.TryLock()
	if err != nil {
		return nil, fmt.Errorf("lock state folder: %w", err)
	}
	if !locked {
		content, err := os.ReadFile(path)
		if err != nil {
			return nil, fmt.Errorf("another server uses %s: %w", dir, err)
		}
		pid, served, _ := strings.Cut(strings.TrimSpace(string(content)), "\n")
		return nil, fail("exactly one server signs an organisation's releases: use it (anvil status --dir "+served+"), or end it first: kill "+pid,
			"another server uses %s: process %s, for %s", dir, pid, served)
	}
	if err := os.WriteFile(path, fmt.Appendf(nil, "%d\n%s\n", os.Getpid(), root), 0o600); err != nil {
		return nil, errors.Join(fmt.Errorf("lock state folder: %w", err), lock.Close())
	}
	return lock, nil
}

// findState looks through the state folders beside each other for one of the
// same organisation and history, or of the same folder under another name.
func findState(home string, owner stateOwner) (string, bool) {
	entries, err := os.ReadDir(home)
	if err != nil {
		return "", false
	}
	for _, e := range entries {
		dir := filepath.Join(home, e.Name())
		there, err := readOwner(dir)
		if err != nil {
			continue
		}
		moved := owner.RootCommit != "" && there.Organisation == owner.Organisation && there.RootCommit == owner.RootCommit
		renamed := there.Path == owner.Path
		if moved || renamed {
			return dir, true
		}
	}
	return "", false
}

func readOwner(dir string) (stateOwner, error) {
	content, err := os.ReadFile(filepath.Join(dir, stateOwnerFile))
	if err != nil {
		return stateOwner{}, err
	}
	var owner stateOwner
	if err := json.Unmarshal(content, &owner); err != nil {
		path := filepath.Join(dir, stateOwnerFile)
		return stateOwner{}, fail("remove it: anvil serve writes it again", "read %s: %w", path, err)
	}
	return owner, nil
}

func writeOwner(dir string, owner stateOwner) error {
	content, err := json.MarshalIndent(owner, "", "  ")
	if err != nil {
		return err
	}
	path := filepath.Join(dir, stateOwnerFile)
	next, err := os.OpenFile(path+".next", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return fmt.Errorf("write state owner: %w", err)
	}
	_, err = next.Write(append(content, '\n'))
	if err = errors.Join(err, next.Sync(), next.Close()); err != nil {
		return fmt.Errorf("write state owner: %w", err)
	}
	return os.Rename(next.Name(), path)
}

// rootCommit is the oldest commit of the checked-out history, empty while there
// is none.
func rootCommit(repo *gitstore.Repo) (string, error) {
	state, err := repo.State()
	if err != nil {
		return "", err
	}
	if state.Tip.IsZero() {
		return "", nil
	}
	var oldest gitstore.Hash
	for c, err := range repo.Log(state.Tip, "") {
		if err != nil {
			return "", fmt.Errorf("find root commit: %w", err)
		}
		if len(c.Parents) == 0 {
			oldest = c.Hash
		}
	}
	return oldest.String(), nil
}

// socketPath is where the daemon of a repository listens for the command line.
func socketPath(repo *gitstore.Repo) (string, error) {
	name := shortHash(repo.CommonDir()) + ".sock"
	if dir := os.Getenv("XDG_RUNTIME_DIR"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "anvil", name), nil
	}
	id := strconv.Itoa(os.Getuid())
	if runtime.GOOS == "windows" {
		u, err := user.Current()
		if err != nil {
			return "", fmt.Errorf("name socket: %w", err)
		}
		id = shortHash(u.Uid)
	}
	return filepath.Join(os.TempDir(), "anvil-"+id, name), nil
}

// shortHash is enough of a hash to tell paths apart in a name.
func shortHash(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:4])
}

// ownerOnly makes a state folder, which only this user can enter.
func ownerOnly(dir string) error {
	if err := os.MkdirAll(filepath.Join(dir, "keys"), 0o700); err != nil {
		return fmt.Errorf("make state folder: %w", err)
	}
	return os.Chmod(dir, 0o700)
}
