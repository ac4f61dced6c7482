package daemon

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/fsnotify/fsnotify"
)

// watchBuffer is how many events may wait for the draining goroutine.
const watchBuffer = 4096

// kqueueFiles is the number of files beyond which systems that open every
// watched file are polled instead.
const kqueueFiles = 2000

// watch is one generation of watches on the organisation's folders and git's.
// It is never mended: whatever happens to a folder makes a new one, because
// after a rename the events of the old bear wrong names. Only folders are
// watched, since editors replace files.
type watch struct {
	fs      *fsnotify.Watcher
	root    string
	folders map[string]bool // watched, as paths in the organisation; "" is the root
	git     map[string]bool // watched folders of git, absolute
	refs    string          // that of them in which every name counts
	done    chan struct{}   // closed when the draining goroutine has returned
}

// startWatch watches the folders (paths in the organisation) of root, the
// folder above it, and git's, and drains all events into d.
func startWatch(root string, folders []string, git gitFolders, d *dirty) (*watch, error) {
	watcher, err := fsnotify.NewBufferedWatcher(watchBuffer)
	if err != nil {
		return nil, err
	}
	w := &watch{
		fs:      watcher,
		root:    root,
		folders: make(map[string]bool),
		git:     make(map[string]bool),
		refs:    git.refs,
		done:    make(chan struct{}),
	}
	// The folder above tells when the root itself is replaced; not being
	// allowed to watch it is no loss, the root is also looked at by the clock.
	if err := watcher.Add(filepath.Dir(root)); exhausted(err) {
		return nil, errors.Join(err, watcher.Close())
	}
	for _, folder := range folders {
		err := watcher.Add(filepath.Join(root, filepath.FromSlash(folder)))
		switch {
		case errors.Is(err, fs.ErrNotExist):
			d.everything("a folder vanished")
		case err != nil:
			return nil, errors.Join(err, watcher.Close())
		default:
			w.folders[folder] = true
		}
	}
	for _, folder := range git.all() {
		err := watcher.Add(folder)
		switch {
		case exhausted(err):
			return nil, errors.Join(err, watcher.Close())
		case err == nil:
			w.git[folder] = true
		}
	}
	go w.drain(d)
	return w, nil
}

func (w *watch) close() error {
	err := w.fs.Close()
	<-w.done
	return err
}

// drain does nothing but note names: a reader that works per event falls behind
// a burst until the system drops events.
func (w *watch) drain(d *dirty) {
	defer close(w.done)
	for {
		select {
		case event, ok := <-w.fs.Events:
			if !ok {
				return
			}
			w.note(event, d)
		case err, ok := <-w.fs.Errors:
			if !ok {
				return
			}
			d.everything("the watch failed: " + err.Error())
		}
	}
}

func (w *watch) note(event fsnotify.Event, d *dirty) {
	if event.Op == fsnotify.Chmod {
		return
	}
	folder, name := filepath.Split(event.Name)
	folder = filepath.Clean(folder)
	if w.git[folder] {
		if folder == w.refs || gitSign(name) {
			d.git()
		}
		return
	}
	if event.Name == w.root {
		d.everything("the folder was replaced")
		return
	}
	path, ok := strings.CutPrefix(event.Name, w.root+string(filepath.Separator))
	if !ok {
		return
	}
	path = filepath.ToSlash(path)
	come := event.Has(fsnotify.Create)
	switch {
	case w.folders[path] && (come || event.Has(fsnotify.Remove) || event.Has(fsnotify.Rename)):
		d.everything("a folder came or went")
	case watched(path):
		d.name(path)
		if come && filepath.Base(path) == "project.yaml" {
			d.everything("a project came")
		}
	case come && watchedFolder(path):
		if info, err := os.Lstat(event.Name); err == nil && info.IsDir() {
			d.everything("a folder came")
		}
	}
}

// backend names what the system watches with.
func backend() string {
	switch runtime.GOOS {
	case "linux", "android":
		return "inotify"
	case "windows":
		return "ReadDirectoryChangesW"
	case "illumos", "solaris":
		return "fen"
	}
	return "kqueue"
}

// unwatchable says why a folder of that many files must be polled, or "".
func unwatchable(root string, files int) string {
	if kind := remote(root); kind != "" {
		return kind + " does not report changes made elsewhere"
	}
	if backend() == "kqueue" && files > kqueueFiles {
		return fmt.Sprintf("watching more than %d files opens every one of them on this system", kqueueFiles)
	}
	return ""
}

// remedy says what a person can do about a watch that failed.
func remedy(err error) string {
	if !exhausted(err) {
		return err.Error()
	}
	if runtime.GOOS == "linux" {
		return "the system's watches are used up; raise them with: sudo sysctl fs.inotify.max_user_watches=524288 fs.inotify.max_user_instances=512"
	}
	return "the system's open files are used up; raise them with: ulimit -n 10240"
}

// watching is how changes of the folder come to notice.
type watching struct {
	watch      *watch
	polling    string // why the folder is polled; empty while it is watched
	folders    int
	gitFolders gitFolders
	rootInfo   fs.FileInfo
	gone       string // why the folder is not available
	rootAt     time.Time
	pollAt     time.Time
	watchAt    time.Time
	retryWatch time.Duration
}

// rewatch makes a new watch, and falls back to polling when it cannot.
func (d *Daemon) rewatch(now time.Time) {
	if d.stopping {
		return
	}
	d.unwatch()
	d.gitFolders = findGit(d.o.Repo.Root(), d.o.Repo.CommonDir(), d.branch)
	w, err := walk(d.root, d.isProject)
	if err != nil {
		// The root went away since; it is looked at by the clock.
		d.poll(now, "the folder cannot be read: "+err.Error())
		return
	}
	why := unwatchable(d.root, len(w.files))
	if d.o.ForcePolling {
		why = "as asked"
	}
	if why == "" {
		d.watch, err = startWatch(d.root, w.folders, d.gitFolders, d.dirty)
		if err == nil {
			d.polling, d.folders, d.retryWatch = "", len(w.folders), watchRetry
			return
		}
		why = remedy(err)
	}
	d.poll(now, why)
}

func (d *Daemon) unwatch() {
	if d.watch == nil {
		return
	}
	if err := d.watch.close(); err != nil {
		d.o.Logger.Debug("watch did not close", "error", err)
	}
	d.watch, d.folders = nil, 0
}

// poll walks the folder from now on, and tries to watch it from time to time.
func (d *Daemon) poll(now time.Time, why string) {
	if d.polling != why {
		d.o.Logger.Warn("polling instead of watching", "reason", why, "every", d.o.Poll)
	}
	d.polling = why
	d.pollAt = now.Add(d.o.Poll)
	d.watchAt = now.Add(d.retryWatch)
	d.retryWatch = min(2*d.retryWatch, time.Hour)
}

// checkRoot sees whether the folder is there, and whether it is still the same.
func (d *Daemon) checkRoot(now time.Time) {
	d.rootAt = now.Add(d.o.RootCheck)
	info, err := os.Lstat(d.root)
	switch {
	case err != nil:
		d.unavailable("the folder is missing")
		d.rootInfo = nil
	case !info.IsDir():
		d.unavailable("the folder " + describe(info.Mode()))
		d.rootInfo = nil
	case d.rootInfo == nil || !os.SameFile(d.rootInfo, info):
		if d.rootInfo == nil || d.scanned {
			d.hints.merge(hints{all: true, rebuild: "the folder was replaced"})
			d.scanAt = now
		}
		d.rootInfo = info
		d.gone = ""
	default:
		d.gone = ""
	}
	if d.gone == "" && len(d.files) == 0 && len(d.blobs) > 0 && !holdsAny(d.root, d.isProject) {
		d.unavailable("the folder holds none of its files: not mounted, or emptied; when they are meant to go, remove them with git")
	}
}

func (d *Daemon) unavailable(why string) { d.gone = why }

// gitFolders are where git's signs appear. In a linked work tree they are
// spread over two folders.
type gitFolders struct {
	own    string // HEAD, index and what a merge or rebase leaves
	common string // packed-refs
	refs   string // the branch's file
}

func (g gitFolders) all() []string {
	// The log of HEAD grows with each commit, wherever the branch's file is.
	folders := []string{g.own, filepath.Join(g.own, "logs")}
	if g.common != g.own {
		folders = append(folders, g.common)
	}
	if g.refs != "" {
		folders = append(folders, g.refs)
	}
	return folders
}

// findGit finds the folders of the work tree at root whose common folder is
// common and whose branch is ref ("" while HEAD is detached).
func findGit(root, common, ref string) gitFolders {
	g := gitFolders{own: common, common: common}
	if content, err := os.ReadFile(filepath.Join(root, ".git")); err == nil {
		// A linked work tree, or a submodule: "gitdir: PATH".
		if dir, ok := strings.CutPrefix(strings.TrimSpace(string(content)), "gitdir: "); ok {
			if !filepath.IsAbs(dir) {
				dir = filepath.Join(root, dir)
			}
			g.own = filepath.Clean(dir)
		}
	}
	if ref != "" {
		g.refs = filepath.Dir(filepath.Join(common, filepath.FromSlash(ref)))
	}
	return g
}
