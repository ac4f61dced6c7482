package daemon_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

// model does at random what people do to a folder and a repository. Every text
// it writes bears a number that only grows, so that an old one is known when it
// comes back.
type model struct {
	*world
	random  *rand.Rand
	version int
	log     []string
	meant   map[string]bool // "path number" that the user brought back, number 0 when he took the file away
}

var modelFiles = []string{
	reply, "support/triage/classify.yaml", "support/triage/route.yaml", "support/later/escalate.yaml",
	"support/later/close.yaml", "shop/voice/greet.yaml", "shop/cart/remind.yaml", "shop/cart/thank.yaml",
}

func (m *model) file() string { return modelFiles[m.random.IntN(len(modelFiles))] }

func (m *model) text() string {
	m.version++
	return fmt.Sprintf("number %d.", m.version)
}

func (m *model) exists(path string) bool {
	_, err := os.Lstat(m.path(path))
	return err == nil
}

// push commits to the branch without touching the work tree.
func (m *model) push(path, content string) {
	env := []string{"GIT_INDEX_FILE=" + m.dir + "/.git/other-index"}
	m.gitWith(env, "read-tree", "HEAD")
	blob := m.dir + "/.git/other-blob"
	m.must(os.WriteFile(blob, []byte(content), 0o666))
	m.gitWith(env, "update-index", "--add", "--cacheinfo", "100644,"+m.git("hash-object", "-w", "--no-filters", blob)+","+path)
	head := m.head()
	commit := m.git("commit-tree", m.gitWith(env, "write-tree"), "-p", head, "-m", "pushed")
	m.must(os.Remove(blob))
	m.must(os.Remove(m.dir + "/.git/other-index"))
	// Somebody may have committed in between, as with any push.
	_, _ = m.tryGit("update-ref", m.git("symbolic-ref", "HEAD"), commit, head)
}

func (m *model) step() {
	path := m.file()
	try := func(args ...string) { _, _ = m.tryGit(args...) }
	steps := []struct {
		weight int
		name   string
		do     func()
	}{
		{30, "save", func() { m.write(path, good(m.text())) }},
		{10, "save badly", func() { m.write(path, bad(m.text())) }},
		{5, "truncate, then save", func() {
			m.write(path, "")
			time.Sleep(time.Duration(m.random.IntN(60)) * time.Millisecond)
			m.write(path, good(m.text()))
		}},
		{8, "remove", func() {
			m.meant[path+" 0"] = m.meant[path+" 0"] || m.exists(path)
			m.remove(path)
		}},
		{8, "rename", func() {
			if to := m.file(); m.exists(path) && !m.exists(to) && m.exists(to[:strings.LastIndexByte(to, '/')]) {
				m.meant[path+" 0"] = true
				m.rename(path, to)
				m.means(to)
			}
		}},
		{6, "commit by hand", func() { try("commit", "-qam", "by hand") }},
		{4, "stage", func() {
			if m.exists(path) {
				try("add", path)
			}
		}},
		{8, "unstage", func() { try("reset", "-q") }},
		{6, "check out the other branch", func() {
			if _, err := m.tryGit("checkout", "-q", "other"); err != nil {
				try("checkout", "-q", "main")
			}
		}},
		{4, "stash and pop", func() {
			if _, err := m.tryGit("stash", "-q"); err == nil {
				time.Sleep(time.Duration(m.random.IntN(100)) * time.Millisecond)
				try("stash", "pop", "-q")
				m.restored()
			}
		}},
		{3, "reset --hard", func() { try("reset", "-q", "--hard") }},
		{10, "push from elsewhere", func() { m.push(path, good("pushed "+m.text())) }},
		{2, "amend", func() { try("commit", "-q", "--amend", "-m", "amended") }},
		{3, "restart", func() { m.stop(); m.launch() }},
		{20, "wait", func() { time.Sleep(time.Duration(m.random.IntN(400)) * time.Millisecond) }},
	}
	total := 0
	for _, s := range steps {
		total += s.weight
	}
	n := m.random.IntN(total)
	for _, s := range steps {
		if n -= s.weight; n < 0 {
			m.log = append(m.log, s.name+" "+path)
			s.do()
			return
		}
	}
}

// restored notes what git brought back from a stash: that an old text replaces
// a newer one is then the user's doing.
func (m *model) restored() {
	for _, path := range modelFiles {
		m.means(path)
	}
}

// means notes that the user wants a file to be as it is, though its text may be
// older than what is committed.
func (m *model) means(path string) {
	content, err := os.ReadFile(m.path(path))
	n := "0"
	if found := numbered.FindSubmatch(content); err == nil && found != nil {
		n = string(found[1])
	}
	m.meant[path+" "+n] = true
}

var numbered = regexp.MustCompile(`number (\d+)\.`)

// number is the newest number in a file at a revision, 0 for none.
func (m *model) number(rev, path string) (n int, pushed bool) {
	text, err := m.tryGit("show", rev+":"+path)
	if err != nil {
		return 0, false
	}
	if found := numbered.FindStringSubmatch(text); found != nil {
		n, _ = strconv.Atoi(found[1])
	}
	return n, strings.Contains(text, "pushed number")
}

// judge checks what must hold of the whole history: no commit of the daemon
// replaces a text that was pushed by an older one, commits what is bad, or is
// empty.
func (m *model) judge() {
	for line := range strings.SplitSeq(m.git("log", "--all", "--format=%H %P", "--committer=Anvil"), "\n") {
		revs := strings.Fields(line)
		if len(revs) < 2 {
			continue
		}
		rev, parent := revs[0], revs[1]
		changed := m.git("diff", "--name-only", "--no-renames", parent, rev)
		if changed == "" {
			m.t.Errorf("%s is empty", rev)
			continue
		}
		for path := range strings.SplitSeq(changed, "\n") {
			before, pushed := m.number(parent, path)
			after, _ := m.number(rev, path)
			if pushed && after < before && !m.meant[path+" "+strconv.Itoa(after)] {
				m.t.Errorf("%s replaces the pushed number %d in %s by number %d", rev, before, path, after)
			}
			if text, err := m.tryGit("show", rev+":"+path); err == nil && strings.Contains(text, "whoo") {
				if old, err := m.tryGit("show", parent+":"+path); err != nil || !strings.Contains(old, "whoo") {
					m.t.Errorf("%s commits a bad %s", rev, path)
				}
			}
		}
	}
}

func runModel(t *testing.T, seed uint64, steps int) {
	m := &model{world: newWorld(t, ""), random: rand.New(rand.NewPCG(seed, 0)), meant: make(map[string]bool)}
	m.git("branch", "other")
	m.start()
	for range steps {
		m.step()
	}
	// Whatever git is in the middle of, or was told to keep, ends here.
	_, _ = m.tryGit("reset", "-q", "--hard")
	m.eventually("the daemon goes on", func() bool { s := m.d.Status(); return s.Ready && s.Paused == "" })
	m.rest()
	m.judge()
	if t.Failed() {
		t.Logf("seed %d:\n%s\n%s%s", seed, strings.Join(m.log, "\n"), m.git("log", "--all", "--graph", "--format=%h %cn %s", "--name-status"), m.told())
	}
}

func TestModel(t *testing.T) {
	seeds := []uint64{1, 2, 3, 4}
	if seed, err := strconv.ParseUint(os.Getenv("ANVIL_SEED"), 10, 64); err == nil {
		seeds = []uint64{seed}
	}
	for _, seed := range seeds {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) { runModel(t, seed, modelSteps()) })
	}
}

// modelSteps is how many steps a seed takes; ANVIL_STEPS repeats a long one.
func modelSteps() int {
	if n, err := strconv.Atoi(os.Getenv("ANVIL_STEPS")); err == nil {
		return n
	}
	return 60
}
