package daemon_test

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/anvilpeering/anvil/daemon"
	"github.com/anvilpeering/anvil/gitstore"
	"github.com/anvilpeering/anvil/library"
	"github.com/anvilpeering/anvil/prompt"
)

// quick are Options with durations that keep their proportions and make a test
// short.
func quick() daemon.Options {
	return daemon.Options{
		Quiet:         15 * time.Millisecond,
		QuietPerEvent: 2 * time.Millisecond,
		QuietMax:      100 * time.Millisecond,
		SettleMax:     400 * time.Millisecond,
		MissingGrace:  400 * time.Millisecond,
		TornGrace:     400 * time.Millisecond,
		GitQuiet:      250 * time.Millisecond,
		BusyRecheck:   100 * time.Millisecond,
		RootCheck:     50 * time.Millisecond,
		Poll:          50 * time.Millisecond,
		TipRetry:      20 * time.Millisecond,
	}
}

// world is an organisation in a repository of real git, with a daemon.
type world struct {
	t       *testing.T
	dir     string // the repository's work tree
	root    string // the organisation
	prefix  string // of root in dir
	o       daemon.Options
	status  []string // lines of git status --porcelain that the test itself caused
	onEvent func(daemon.Event)
	torn    bool // the end of the test is not checked: there is no repository

	d    *daemon.Daemon
	stop func()

	mu     sync.Mutex
	events []daemon.Event
	tips   []gitstore.Hash
}

// newWorld makes an organisation with a few prompts, committed by git. A prefix
// puts it into a folder of the repository.
func newWorld(t *testing.T, prefix string) *world {
	t.Helper()
	needs(t, "git")
	t.Parallel()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, dir: dir, root: filepath.Join(dir, prefix), prefix: prefix, o: quick(), stop: func() {}}
	w.must(os.CopyFS(dir, os.DirFS(template(t, prefix))))
	w.git("update-index", "-q", "--refresh")
	t.Cleanup(w.check)
	return w
}

// TestMain keeps the configuration of whoever runs the tests out of them.
func TestMain(m *testing.M) {
	home, err := os.MkdirTemp("", "anvil-home-")
	if err != nil {
		panic(err)
	}
	for _, variable := range []string{"GIT_AUTHOR_NAME", "GIT_AUTHOR_EMAIL", "GIT_COMMITTER_NAME", "GIT_COMMITTER_EMAIL", "EMAIL", "GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"} {
		os.Unsetenv(variable)
	}
	for variable, value := range map[string]string{"HOME": home, "XDG_CONFIG_HOME": home, "GIT_CONFIG_GLOBAL": os.DevNull, "GIT_CONFIG_NOSYSTEM": "1", "LC_ALL": "C"} {
		os.Setenv(variable, value)
	}
	// The tests wait more than they work.
	flag.Parse()
	if err := flag.Set("test.parallel", "6"); err != nil {
		panic(err)
	}
	if root := os.Getenv(childRoot); root != "" {
		if err := child(root); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
		os.Exit(1)
	}
	code := m.Run()
	os.RemoveAll(home)
	os.Exit(code)
}

// template is a repository with the organisation committed, made once for all
// tests.
func template(t *testing.T, prefix string) string {
	t.Helper()
	templates.Lock()
	defer templates.Unlock()
	if dir, ok := templates.made[prefix]; ok {
		return dir
	}
	dir, err := os.MkdirTemp(os.Getenv("HOME"), "template-")
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, dir: dir, root: filepath.Join(dir, prefix), prefix: prefix}
	w.git("init", "-q", "-b", "main")
	w.git("config", "user.name", "Ada")
	w.git("config", "user.email", "ada@example.com")
	w.git("config", "gc.auto", "0")
	for path, content := range organisation() {
		w.write(path, content)
	}
	w.git("add", ".")
	w.git("commit", "-qm", "begin")
	templates.made[prefix] = dir
	return dir
}

var templates = struct {
	sync.Mutex
	made map[string]string
}{made: make(map[string]string)}

func needs(t *testing.T, tool string) {
	t.Helper()
	if _, err := exec.LookPath(tool); err != nil {
		t.Skipf("SKIPPED: needs %s", tool)
	}
}

func organisation() map[string]string {
	return map[string]string{
		"anvil.yaml":                   "organisation: acme\nformat: 1\n",
		"support/project.yaml":         "name: Support\n",
		"support/triage/classify.yaml": good("classify"),
		"support/triage/reply.yaml":    good("reply"),
		"shop/project.yaml":            "name: Shop\n",
		"shop/voice/_tone.yaml":        "name: Tone\ntemplate: Be kind.\n",
		"shop/voice/greet.yaml":        "name: Greet\ntemplate: |\n  {% render \"_tone\" %}\n  Hello.\n",
	}
}

// good is a prompt that says text.
func good(text string) string {
	return "name: A prompt\nparameters:\n  who: {type: string}\ntemplate: |\n  " + text + " {{ who }}\n"
}

// bad is a prompt with a typo.
func bad(text string) string {
	return "name: A prompt\nparameters:\n  who: {type: string}\ntemplate: |\n  " + text + " {{ whoo }} and a longer text\n"
}

func (w *world) path(path string) string { return filepath.Join(w.root, filepath.FromSlash(path)) }

// write makes a file as a script would.
func (w *world) write(path, content string) {
	w.t.Helper()
	full := w.path(path)
	if err := os.MkdirAll(filepath.Dir(full), 0o777); err != nil {
		w.t.Fatal(err)
	}
	if err := os.WriteFile(full, []byte(content), 0o666); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) remove(path string)      { w.t.Helper(); w.must(os.RemoveAll(w.path(path))) }
func (w *world) rename(from, to string)  { w.t.Helper(); w.must(os.Rename(w.path(from), w.path(to))) }
func (w *world) mkdir(path string)       { w.t.Helper(); w.must(os.MkdirAll(w.path(path), 0o777)) }
func (w *world) read(path string) string { w.t.Helper(); return w.readFile(w.path(path)) }

func (w *world) readFile(name string) string {
	w.t.Helper()
	content, err := os.ReadFile(name)
	w.must(err)
	return string(content)
}

func (w *world) git(args ...string) string {
	w.t.Helper()
	out, err := w.tryGit(args...)
	if err != nil {
		w.t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return out
}

// tryGit runs git as a person would: who meets the lock of a commit that is
// being made tries again.
func (w *world) tryGit(args ...string) (string, error) {
	for tries := 0; ; tries++ {
		cmd := exec.Command("git", args...)
		cmd.Dir = w.dir
		out, err := cmd.CombinedOutput()
		if err == nil || tries == 20 || !bytes.Contains(out, []byte("index.lock': File exists")) {
			return strings.TrimRight(string(out), "\n"), err
		}
		time.Sleep(25 * time.Millisecond)
	}
}

// start runs the daemon and waits until it is ready.
func (w *world) start() {
	w.t.Helper()
	w.launch()
	w.eventually("the daemon is ready", func() bool { return w.d.Status().Ready })
}

func (w *world) launch() {
	w.t.Helper()
	repo, err := gitstore.Open(w.root, gitstore.Options{Durability: gitstore.NoFsync})
	w.must(err)
	prefix, err := repo.Prefix(w.root)
	w.must(err)
	o := w.o
	o.Root, o.Repo, o.Library = w.root, repo, library.Open(repo, prefix, library.Options{})
	o.OnEvent = func(e daemon.Event) {
		w.mu.Lock()
		w.events = append(w.events, e)
		w.mu.Unlock()
		if w.onEvent != nil {
			w.onEvent(e)
		}
	}
	if o.OnTip == nil {
		o.OnTip = func(_ context.Context, tip gitstore.Hash) error {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.tips = append(w.tips, tip)
			return nil
		}
	}
	w.d, err = daemon.Open(o)
	w.must(err)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- w.d.Run(ctx) }()
	var once sync.Once
	w.stop = func() {
		once.Do(func() {
			cancel()
			if err := <-done; err != nil {
				w.t.Errorf("Run: %v", err)
			}
			if err := repo.Close(); err != nil {
				w.t.Errorf("close repository: %v", err)
			}
		})
	}
}

func (w *world) library(repo *gitstore.Repo) *library.Library {
	return library.Open(repo, w.prefix, library.Options{})
}

func (w *world) restart() {
	w.t.Helper()
	w.stop()
	w.start()
}

func (w *world) eventually(what string, ok func() bool) {
	w.t.Helper()
	deadline := time.Now().Add(15 * time.Second)
	for !ok() {
		if time.Now().After(deadline) {
			w.t.Fatalf("never: %s\nstatus: %+v\nevents:%s\n%s", what, w.d.Status(), w.told(), w.git("status", "--porcelain"))
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// told lists the events, for messages.
func (w *world) told() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var b strings.Builder
	for _, e := range w.events {
		fmt.Fprintf(&b, "\n  %s %v %s", e.Kind, e.Paths, e.Subject)
		if e.Hold != nil {
			fmt.Fprintf(&b, " (%s: %s)", e.Hold.Kind, e.Hold.Reason)
		}
	}
	return b.String()
}

func (w *world) count(kind string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := 0
	for _, e := range w.events {
		if e.Kind == kind {
			n++
		}
	}
	return n
}

func (w *world) head() string { w.t.Helper(); return w.git("rev-parse", "HEAD") }

// commits counts those since a revision.
func (w *world) commits(since string) int {
	w.t.Helper()
	out := w.git("rev-list", since+"..HEAD")
	if out == "" {
		return 0
	}
	return strings.Count(out, "\n") + 1
}

func (w *world) subject() string { w.t.Helper(); return w.git("log", "-1", "--format=%s") }

// committed is the file in HEAD, or "(absent)".
func (w *world) committed(path string) string {
	cmd := exec.Command("git", "show", "HEAD:"+filepath.ToSlash(filepath.Join(w.prefix, path)))
	cmd.Dir = w.dir
	out, err := cmd.Output()
	if err != nil {
		return "(absent)"
	}
	return string(out)
}

// awaitCommitted waits until HEAD has what the folder has at each path.
func (w *world) awaitCommitted(paths ...string) {
	w.t.Helper()
	for _, path := range paths {
		w.eventually(path+" is committed as it is in the folder", func() bool {
			content, err := os.ReadFile(w.path(path))
			if err != nil {
				return w.committed(path) == "(absent)"
			}
			return w.committed(path) == string(content)
		})
	}
}

func (w *world) held(path string) *daemon.Hold {
	for _, h := range w.d.Status().Holds {
		if h.Path == path {
			return &h
		}
	}
	return nil
}

func (w *world) awaitHeld(path, kind string) *daemon.Hold {
	w.t.Helper()
	w.eventually(path+" is held: "+kind, func() bool {
		h := w.held(path)
		return h != nil && h.Kind == kind
	})
	return w.held(path)
}

func (w *world) awaitContent(path, content string) {
	w.t.Helper()
	w.eventually(path+" has the content", func() bool { return w.read(path) == content })
}

func (w *world) awaitNoHolds() {
	w.t.Helper()
	w.eventually("nothing is held", func() bool { return len(w.d.Status().Holds) == 0 })
}

// rest waits until the daemon has nothing left to do: a walk that reads every
// file found nothing that is on its way.
func (w *world) rest() {
	w.t.Helper()
	before := w.d.Status().LastScan
	w.d.Rescan()
	calm := 0
	w.eventually("the daemon rests", func() bool {
		s := w.d.Status()
		if s.LastScan.After(before) && (s.Waiting == 0 || s.Paused != "") {
			calm++
		} else {
			calm = 0
		}
		return calm > 3
	})
}

// check is what must hold after every test: a sound repository, a work tree in
// which only the test itself left traces, and a tip that equals the folder
// except for what is held.
func (w *world) check() {
	t := w.t
	if w.d == nil || w.torn {
		w.stop()
		return
	}
	if !t.Failed() {
		w.rest()
	}
	s := w.d.Status()
	w.stop()
	if t.Failed() {
		return
	}
	if out, err := w.tryGit("fsck", "--strict", "--no-dangling"); err != nil || strings.Contains(out, "error") {
		t.Errorf("git fsck: %v\n%s", err, out)
	}
	held := make(map[string]bool)
	for _, h := range s.Holds {
		held[h.Path] = true
	}
	isHeld := func(path string) bool {
		project, _, _ := strings.Cut(path, "/")
		return held[path] || held[project]
	}
	expected := make(map[string]bool)
	for _, line := range w.status {
		expected[line] = true
	}
	for line := range strings.SplitSeq(w.git("status", "--porcelain", "-uall", "--no-renames"), "\n") {
		if line == "" || expected[line] {
			continue
		}
		path := strings.TrimPrefix(strings.Trim(line[3:], `"`), w.prefix+"/")
		if !isHeld(path) {
			t.Errorf("git status shows %q, held are %v", line, slices.Sorted(maps.Keys(held)))
		}
	}
	if s.Paused != "" {
		return
	}
	folder := make(map[string]string)
	w.must(filepath.WalkDir(w.root, func(name string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return err
		}
		path, _ := filepath.Rel(w.root, name)
		if path = filepath.ToSlash(path); prompt.Owns(path) && !expected["?? "+path] {
			folder[path] = gitstore.BlobHash([]byte(w.readFile(name))).String()
		}
		return nil
	}))
	tip := make(map[string]string)
	for line := range strings.SplitSeq(w.git("ls-tree", "-r", "HEAD"), "\n") {
		meta, path, _ := strings.Cut(line, "\t")
		if w.prefix != "" {
			path = strings.TrimPrefix(path, w.prefix+"/")
		}
		if prompt.Owns(path) {
			tip[path] = strings.Fields(meta)[2]
		}
	}
	ignored := make(map[string]bool)
	for line := range strings.Lines(w.git("status", "--porcelain", "--ignored", "-uall")) {
		if path, ok := strings.CutPrefix(strings.TrimSpace(line), "!! "); ok {
			ignored[strings.TrimPrefix(path, w.prefix+"/")] = true
		}
	}
	for path := range folder {
		if !isHeld(path) && !ignored[path] && folder[path] != tip[path] {
			t.Errorf("%s is not committed as it is in the folder", path)
		}
	}
	for path := range tip {
		if _, ok := folder[path]; !ok && !isHeld(path) {
			t.Errorf("%s is committed and not in the folder", path)
		}
	}
}
