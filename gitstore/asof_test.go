package gitstore

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// at makes git believe that it is the given time.
func (w *work) at(seconds int64) {
	w.t.Helper()
	for _, name := range []string{"GIT_COMMITTER_DATE", "GIT_AUTHOR_DATE"} {
		w.t.Setenv(name, fmt.Sprintf("%d +0200", seconds))
	}
}

// A branch that is committed to, amended, reset, merged and rewound, also under
// a clock that goes back: at every time it is what git says.
func TestAsOfIsWhatGitSays(t *testing.T) {
	for seed := uint64(1); seed <= 3; seed++ {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			w := newWork(t)
			random := rand.New(rand.NewPCG(seed, 11))
			now, start := int64(1_700_000_000), int64(1_700_000_000)
			w.at(now)
			w.git("commit", "-q", "--allow-empty", "-m", "first")
			for i := range 25 {
				now += int64(random.IntN(300))
				moment := now
				if random.IntN(6) == 0 {
					moment -= int64(random.IntN(900)) // a clock that is wrong
				}
				w.at(moment)
				switch random.IntN(7) {
				case 0:
					w.git("commit", "-q", "--allow-empty", "--amend", "-m", fmt.Sprint("amended ", i))
				case 1:
					if _, err := w.tryGit("reset", "-q", "--hard", "HEAD~1"); err != nil && i > 8 {
						t.Fatal(err)
					}
				case 2:
					w.git("checkout", "-q", "-b", fmt.Sprint("side", i))
					w.at(moment + 1)
					w.git("commit", "-q", "--allow-empty", "-m", fmt.Sprint("side ", i))
					w.git("checkout", "-q", "main")
					w.at(moment + 20)
					w.git("merge", "-q", "--no-ff", "-m", "merge", fmt.Sprint("side", i))
				default:
					w.git("commit", "-q", "--allow-empty", "-m", fmt.Sprint(i))
				}
			}
			w.git("symbolic-ref", "refs/heads/alias", "refs/heads/main")
			if err := os.Remove(w.repo.reflogPath("refs/heads/alias")); err != nil { // of its own making
				t.Fatal(err)
			}
			for _, ref := range []string{"main", "HEAD", "alias"} {
				full := ref
				if ref != "HEAD" {
					full = "refs/heads/" + ref
				}
				for range 25 {
					at := start + random.Int64N(now-start+600)
					got, err := w.repo.AsOf(full, time.Unix(at, 999))
					want := w.git("rev-parse", fmt.Sprintf("%s@{%d}", ref, at))
					if err != nil || got.String() != want {
						t.Errorf("%s at %d: %s, %v, git says %s", ref, at, got.Short(), err, want[:7])
					}
				}
			}
			// Without a reflog: by the dates of the first-parent line.
			if err := os.RemoveAll(filepath.Join(w.dir, ".git", "logs")); err != nil {
				t.Fatal(err)
			}
			for range 40 {
				at := start - 100 + random.Int64N(now-start+600)
				got, err := w.repo.AsOf("refs/heads/main", time.Unix(at, 0))
				want := w.git("rev-list", "-1", "--first-parent", fmt.Sprintf("--before=@%d +0000", at), "main")
				if want == "" && !errors.Is(err, ErrNotFound) || want != "" && (err != nil || got.String() != want) {
					t.Errorf("by dates, at %d: %s, %v, git says %s", at, got.Short(), err, want)
				}
			}
		})
	}
}

// A clone knows from its own reflog since when it has the branch, and from the
// dates of commits what was before.
func TestAsOfBeforeTheReflogBegins(t *testing.T) {
	w := newWork(t)
	var commits []Hash
	for i := range int64(5) {
		w.at(1_700_000_000 + 100*i)
		w.git("commit", "-q", "--allow-empty", "-m", fmt.Sprint(i))
		commits = append(commits, w.tip())
	}
	w.at(1_700_001_000)
	clone := &work{t: t, dir: t.TempDir()}
	clone.git("clone", "-q", w.dir, ".")
	clone.open()
	w.at(1_700_001_100)
	clone.git("reset", "-q", "--hard", "HEAD~2")
	for _, c := range []struct {
		name string
		at   int64
		want Hash
	}{
		{"since the reset", 1_700_001_100, commits[2]},
		{"long after", 1_800_000_000, commits[2]},
		{"between clone and reset", 1_700_001_050, commits[4]},
		{"before the clone", 1_700_000_999, commits[4]},
		{"when it was committed", 1_700_000_300, commits[3]},
		{"a second before", 1_700_000_299, commits[2]},
		{"the first", 1_700_000_000, commits[0]},
		{"before everything", 1_699_999_999, Hash{}},
	} {
		got, err := clone.repo.AsOf("refs/heads/main", time.Unix(c.at, 0))
		if got != c.want || c.want.IsZero() != errors.Is(err, ErrNotFound) {
			t.Errorf("%s: %s, %v, want %s", c.name, got.Short(), err, c.want.Short())
		}
	}
	// Expired entries: what is left begins with a value from before.
	clone.git("reflog", "expire", "--expire=@1700001050 +0000", "--expire-unreachable=never", "refs/heads/main")
	if n := strings.Count(clone.git("reflog", "main"), "\n") + 1; n != 1 {
		t.Fatalf("%d entries are left", n)
	}
	if got, err := clone.repo.AsOf("refs/heads/main", time.Unix(1_700_000_450, 0)); err != nil || got != commits[4] {
		t.Errorf("before an expired entry: %s, %v", got.Short(), err)
	}
	for _, ref := range []string{"refs/heads/nothing", "../x"} {
		if _, err := clone.repo.AsOf(ref, time.Unix(1_700_001_100, 0)); !errors.Is(err, ErrNotFound) {
			t.Errorf("%s: %v", ref, err)
		}
	}
}

// What was amended away is named by the reflog until a gc takes it.
func TestAsOfCommitThatIsGone(t *testing.T) {
	w := newWork(t)
	w.at(1_700_000_000)
	w.git("commit", "-q", "--allow-empty", "-m", "wrong")
	wrong := w.tip()
	w.at(1_700_000_100)
	w.git("commit", "-q", "--allow-empty", "--amend", "-m", "right")
	if got, err := w.repo.AsOf("refs/heads/main", time.Unix(1_700_000_050, 0)); err != nil || got != wrong {
		t.Fatalf("before the amend: %s, %v", got.Short(), err)
	}
	if err := os.Remove(loosePath(w.repo.objects.dirs[0], wrong)); err != nil {
		t.Fatal(err)
	}
	w.repo.objects.heads = newLRU[Hash, *Commit](commitCache)
	if _, err := w.repo.AsOf("refs/heads/main", time.Unix(1_700_000_050, 0)); !errors.Is(err, ErrNotFound) {
		t.Fatalf("a commit that is gone: %v", err)
	}
}

// A reflog is read from its end, over the borders of blocks, and what is no
// entry is passed over.
func TestReflogIsReadFromItsEnd(t *testing.T) {
	w := newWork(t)
	var text bytes.Buffer
	var want []reflogEntry
	for i := range 900 {
		e := reflogEntry{Hash{byte(i), byte(i >> 8)}, Hash{1, byte(i), byte(i >> 8)}, time.Unix(int64(1000+i), 0)}
		want = append([]reflogEntry{e}, want...)
		text.WriteString(reflogLine(e.Old, e.New, Signature{Name: "A", Email: "a@b", When: e.When}, strings.Repeat("m", i)))
		if i%100 == 0 {
			text.WriteString("no entry\n\n")
		}
	}
	for _, end := range []string{"", "half of a li"} {
		path := w.repo.reflogPath("refs/heads/x/y")
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, append(text.Bytes(), end...), 0o666); err != nil {
			t.Fatal(err)
		}
		i := 0
		for e, err := range w.repo.readReflog("refs/heads/x/y") {
			if err != nil || i >= len(want) || e.Old != want[i].Old || e.New != want[i].New || !e.When.Equal(want[i].When) {
				t.Fatalf("entry %d is %+v, %v", i, e, err)
			}
			i++
		}
		if i != len(want) {
			t.Fatalf("%d entries, want %d", i, len(want))
		}
	}
	for ref, content := range map[string]string{"refs/heads/x": "", "refs/heads/long": strings.Repeat("x", reflogLimit+reflogBlock+1)} {
		if content != "" {
			if err := os.WriteFile(w.repo.reflogPath(ref), []byte(content), 0o666); err != nil {
				t.Fatal(err)
			}
		}
		for e, err := range w.repo.readReflog(ref) {
			if err == nil || content == "" && !errors.Is(err, ErrNotFound) {
				t.Errorf("%s: %+v, %v", ref, e, err)
			}
		}
	}
}

func FuzzReflogEntry(f *testing.F) {
	f.Add([]byte(reflogLine(Hash{}, Hash{1}, Signature{Name: "A", Email: "a@b", When: time.Unix(1, 0)}, "commit: m")))
	f.Add([]byte(strings.Repeat("0", 40) + " " + strings.Repeat("f", 40) + " <> 1700000000 -0130"))
	f.Fuzz(func(t *testing.T, line []byte) {
		e, ok := parseReflogEntry(line)
		if !ok {
			return
		}
		again, ok := parseReflogEntry([]byte(reflogLine(e.Old, e.New, Signature{When: e.When}, "")))
		if !ok || again.Old != e.Old || again.New != e.New || again.When.Unix() != e.When.Unix() {
			t.Fatalf("%q is %+v and then %+v, %v", line, e, again, ok)
		}
	})
}
