package gitstore

import (
	"fmt"
	"math/rand/v2"
	"sort"
	"strings"
	"testing"
)

// history is a random history with merges, made by git fast-import.
func history(t *testing.T, w *work, seed uint64, commits int) []string {
	t.Helper()
	random := rand.New(rand.NewPCG(seed, 1))
	var in strings.Builder
	for i := range commits {
		date := 1_700_000_000 + i*60
		if random.IntN(10) == 0 {
			date -= random.IntN(3000) // a clock that is wrong
		}
		fmt.Fprintf(&in, "commit refs/heads/b%d\nmark :%d\ncommitter Ada <ada@example.org> %d +0100\ndata 2\nm\n", i, i+1, date)
		if i > 0 {
			from := i - random.IntN(min(i, 6))
			fmt.Fprintf(&in, "from :%d\n", from)
			if other := 1 + random.IntN(i); random.IntN(3) == 0 && other != from {
				fmt.Fprintf(&in, "merge :%d\n", other)
			}
		}
		for range 1 + random.IntN(4) {
			path := fmt.Sprintf("%c/%c/%d.yaml", 'a'+random.IntN(3), 'a'+random.IntN(3), random.IntN(5))
			switch random.IntN(5) {
			case 0:
				fmt.Fprintf(&in, "D %s\n", path)
			case 1:
				content := fmt.Sprint(random.IntN(4))
				fmt.Fprintf(&in, "M 100755 inline %s\ndata %d\n%s\n", path, len(content), content)
			default:
				content := fmt.Sprint(random.IntN(100))
				fmt.Fprintf(&in, "M 100644 inline %s\ndata %d\n%s\n", path, len(content), content)
			}
		}
		if random.IntN(12) == 0 { // a folder becomes a file
			fmt.Fprintf(&in, "D a/b\nM 100644 inline a/b\ndata 1\nx\n")
		}
		if random.IntN(12) == 0 {
			fmt.Fprintf(&in, "M 120000 inline link\ndata 1\n%c\n", 'a'+random.IntN(3))
		}
		in.WriteString("\n")
	}
	w.input(in.String(), "fast-import", "--quiet", "--force")
	var revs []string
	for i := range commits {
		revs = append(revs, w.git("rev-parse", fmt.Sprintf("b%d", i)))
	}
	return revs
}

// Against git: bases, ancestors, differences, listings and logs of random
// histories.
func TestHistoryIsWhatGitSees(t *testing.T) {
	w := newWork(t)
	revs := history(t, w, 42, 60)
	random := rand.New(rand.NewPCG(3, 3))
	pick := func() string { return revs[random.IntN(len(revs))] }
	hash := func(s string) Hash {
		h, err := ParseHash(s)
		if err != nil {
			t.Fatal(err)
		}
		return h
	}
	several := 0
	for range 60 {
		a, b := pick(), pick()
		found, err := w.repo.Bases(hash(a), hash(b))
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, h := range found {
			got = append(got, h.String())
		}
		out, _ := w.tryGit("merge-base", "--all", a, b)
		want := strings.Fields(out)
		sort.Strings(got)
		sort.Strings(want)
		if strings.Join(got, " ") != strings.Join(want, " ") {
			t.Errorf("bases of %s and %s: %v, git says %v", a[:7], b[:7], got, want)
		}
		if len(want) > 1 {
			several++
		}
		ancestor, err := w.repo.Ancestor(hash(a), hash(b))
		if _, gitErr := w.tryGit("merge-base", "--is-ancestor", a, b); err != nil || ancestor != (gitErr == nil) {
			t.Errorf("is %s an ancestor of %s: %v, %v, git says %v", a[:7], b[:7], ancestor, err, gitErr)
		}
	}
	if several == 0 {
		t.Error("no pair had several bases: the history is too tame")
	}
	for _, prefix := range []string{"", "a", "b/c", "nothing", "a/b"} {
		for range 8 {
			a, b := pick(), pick()
			changes, err := w.repo.Diff(hash(a), hash(b), prefix)
			if err != nil {
				t.Fatal(err)
			}
			var got strings.Builder
			for _, c := range changes {
				fmt.Fprintf(&got, "%s %s %s\n", c.Before, c.After, c.Path)
			}
			args := []string{"diff-tree", "-r", "--raw", "--no-renames", a, b}
			if prefix != "" {
				args = append(args, "--", prefix+"/")
			}
			if want := rawDiff(w.git(args...)); got.String() != want {
				t.Errorf("diff %s %s below %q:\n%s\ngit says\n%s", a[:7], b[:7], prefix, got.String(), want)
			}
		}
	}
	for _, path := range []string{"", "a", "a/b", "b/a/1.yaml", "link", "nothing"} {
		for range 4 {
			a := pick()
			var got []string
			for c, err := range w.repo.Log(hash(a), path) {
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, c.Hash.String())
			}
			args := []string{"log", "--format=%H", a}
			if path != "" {
				args = append(args, "--", path)
			}
			if want := strings.Fields(w.git(args...)); strings.Join(got, " ") != strings.Join(want, " ") {
				t.Errorf("log of %q at %s: %d commits, git says %d\n%v\n%v", path, a[:7], len(got), len(want), got, want)
			}
		}
	}
	for range 5 {
		a := pick()
		var got []string
		for e, err := range w.repo.Walk(hash(a), "") {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, fmt.Sprintf("%06o blob %s\t%s", uint32(e.Mode), e.Hash, e.Path))
		}
		if want := w.git("ls-tree", "-r", a); strings.Join(got, "\n") != want {
			t.Errorf("listing of %s:\n%s\ngit says\n%s", a[:7], strings.Join(got, "\n"), want)
		}
	}
	// The same from packs, with deltas.
	w.git("repack", "-q", "-a", "-d", "-f", "--depth=50", "--window=250")
	w.open()
	for _, rev := range revs {
		for e, err := range w.repo.Walk(hash(rev), "") {
			if err != nil {
				t.Fatal(err)
			}
			content, err := w.repo.Blob(e.Hash)
			if err != nil || BlobHash(content) != e.Hash {
				t.Fatalf("blob %s: %v", e.Hash, err)
			}
		}
	}
}

// rawDiff brings git's raw format into the one above.
func rawDiff(out string) string {
	var b strings.Builder
	for line := range strings.Lines(out) {
		head, path, ok := strings.Cut(strings.TrimRight(line, "\n"), "\t")
		fields := strings.Fields(head)
		if ok && len(fields) == 5 {
			fmt.Fprintf(&b, "%s %s %s\n", fields[2], fields[3], path)
		}
	}
	return b.String()
}

// A large file, chains of deltas upon it, and a pack with 64-bit offsets never
// seen: contents come back whole.
func TestPackedContents(t *testing.T) {
	w := newWork(t)
	random := rand.New(rand.NewPCG(9, 9))
	var lines []string
	for range 4000 {
		lines = append(lines, fmt.Sprintf("%x", random.Uint64()))
	}
	want := map[Hash]string{}
	for range 12 {
		lines[random.IntN(len(lines))] = fmt.Sprintf("%x", random.Uint64())
		content := strings.Join(lines, "\n")
		w.write("large.yaml", content)
		w.commit("large.yaml")
		want[BlobHash([]byte(content))] = content
	}
	w.git("gc", "-q", "--aggressive")
	for h, content := range want {
		got, err := w.repo.Blob(h)
		if err != nil || string(got) != content {
			t.Fatalf("blob %s: %v", h, err)
		}
	}
}

// Many new objects go in as one pack that git takes as its own.
func TestManyFilesAreOnePack(t *testing.T) {
	w := newWork(t)
	w.repo.disk.sync = true
	var paths []string
	for i := range 600 {
		path := fmt.Sprintf("p%d/s%d/%d.yaml", i%3, i%20, i)
		w.write(path, strings.Repeat(fmt.Sprintf("line %d\n", i), i%90))
		paths = append(paths, path)
	}
	w.commit(paths...)
	w.clean()
	if got := w.git("count-objects", "-v"); !strings.Contains(got, "count: 0\n") || !strings.Contains(got, "packs: 1\n") {
		t.Fatalf("git count-objects: %s", got)
	}
	w.git("verify-pack", w.git("rev-parse", "--git-path", "objects/pack")+"/"+w.pack())
}

// A shallow clone has a history that ends, and goes on when the rest is
// fetched. An alternate lends its objects.
func TestClones(t *testing.T) {
	w := newWork(t)
	for i := range 5 {
		w.write("a.yaml", fmt.Sprint(i))
		w.commit("a.yaml")
	}
	length := func(c *work) int {
		t.Helper()
		n := 0
		for _, err := range c.repo.Log(c.tip(), "") {
			if err != nil {
				t.Fatal(err)
			}
			n++
		}
		return n
	}
	cut := &work{t: t, dir: t.TempDir()}
	cut.git("clone", "-q", "--depth", "2", "file://"+w.dir, ".")
	cut.open()
	if got := length(cut); got != 2 {
		t.Errorf("the shallow clone has %d commits", got)
	}
	cut.write("a.yaml", "cut")
	cut.commit("a.yaml")
	cut.clean()
	cut.git("fetch", "-q", "--unshallow")
	if got := length(cut); got != 6 {
		t.Errorf("the whole clone has %d commits", got)
	}
	lent := &work{t: t, dir: t.TempDir()}
	lent.git("clone", "-q", "--shared", w.dir, ".")
	lent.open()
	if got := length(lent); got != 5 {
		t.Errorf("the clone with an alternate has %d commits", got)
	}
	lent.write("a.yaml", "lent")
	lent.commit("a.yaml")
	lent.clean()
}
