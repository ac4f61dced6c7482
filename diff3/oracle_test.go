package diff3

import (
	"bytes"
	"crypto/sha1"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// triple is a text and what two people made of it.
type triple struct{ base, ours, theirs []byte }

// git runs git in a repository.
func git(t testing.TB, dir string, in []byte, args ...string) []byte {
	t.Helper()
	out, err := tryGit(dir, in, args...)
	if err != nil {
		t.Fatalf("git %s: %v: %s", strings.Join(args, " "), err, out)
	}
	return out
}

func tryGit(dir string, in []byte, args ...string) ([]byte, error) {
	cmd := exec.Command("git", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL="+os.DevNull, "GIT_CONFIG_NOSYSTEM=1", "LC_ALL=C")
	cmd.Stdin = bytes.NewReader(in)
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		err = fmt.Errorf("%w: %s", err, errs.Bytes())
	}
	return out, err
}

func needGit(t testing.TB) {
	t.Helper()
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("SKIPPED: needs git")
	}
}

// mergeFile is what git merge-file makes of a triple; clean is false when it found
// conflicts.
func mergeFile(t testing.TB, dir string, c triple) (merged []byte, clean bool) {
	t.Helper()
	var names []string
	for i, text := range [][]byte{c.ours, c.base, c.theirs} {
		names = append(names, filepath.Join(dir, fmt.Sprint(i)))
		if err := os.WriteFile(names[i], text, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	out, err := tryGit(dir, nil, append([]string{"merge-file", "-p", "-q"}, names...)...)
	var exit *exec.ExitError
	if err != nil && (!errors.As(err, &exit) || exit.ExitCode() > 127) {
		t.Fatal(err)
	}
	return out, err == nil
}

// outcome is what git makes of a triple: the hash that the merge has as a blob, ""
// for a conflict.
type outcome string

func blobName(text []byte) outcome {
	sum := sha1.New()
	fmt.Fprintf(sum, "blob %d\x00", len(text))
	sum.Write(text)
	return outcome(fmt.Sprintf("%x", sum.Sum(nil)))
}

// mergeAll has git merge many triples in one process: the changes from base to
// theirs are a patch, which `git apply --3way` merges into an index of ours file by
// file. It does so as git merge-file does, with the same comparison and no other
// attempt before; TestOracle compares the two.
func mergeAll(t testing.TB, triples []triple) []outcome {
	t.Helper()
	dir := t.TempDir()
	git(t, dir, nil, "init", "-q")
	var in bytes.Buffer
	for _, side := range []struct {
		name string
		text func(triple) []byte
	}{
		{"base", func(c triple) []byte { return c.base }},
		{"ours", func(c triple) []byte { return c.ours }},
		{"theirs", func(c triple) []byte { return c.theirs }},
	} {
		fmt.Fprintf(&in, "commit refs/heads/%s\ncommitter A <a@example.org> 1700000000 +0000\ndata 1\nm\n", side.name)
		for i, c := range triples {
			text := side.text(c)
			fmt.Fprintf(&in, "M 100644 inline %d/%d\ndata %d\n%s\n", i/500, i, len(text), text)
		}
	}
	git(t, dir, in.Bytes(), "-c", "core.compression=0", "-c", "fastimport.unpackLimit=1", "fast-import", "--quiet", "--depth=0")
	patch := git(t, dir, nil, "-c", "diff.renames=false", "diff-tree", "-r", "-p", "--text", "--full-index", "base", "theirs")
	git(t, dir, nil, "read-tree", "ours")
	if len(patch) > 0 {
		var exit *exec.ExitError
		if out, err := tryGit(dir, patch, "-c", "core.compression=0", "apply", "--3way", "--cached", "--whitespace=nowarn", "-"); err != nil && (!errors.As(err, &exit) || exit.ExitCode() != 1) {
			t.Fatalf("git apply: %v: %s", err, out)
		}
	}
	list := make([]outcome, len(triples))
	for line := range strings.Lines(string(git(t, dir, nil, "ls-files", "-s"))) {
		var mode, name, path string
		var stage, folder, i int
		if _, err := fmt.Sscan(strings.TrimSpace(line), &mode, &name, &stage, &path); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		if _, err := fmt.Sscanf(path, "%d/%d", &folder, &i); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		if stage == 0 {
			list[i] = outcome(name)
		}
	}
	return list
}

// A maker makes triples of a kind.
type maker struct {
	name  string
	share int // of a hundred
	make  func(r *rand.Rand) triple
}

var makers = []maker{
	// Small texts of few different lines, where most scripts are possible.
	{"two lines", 17, func(r *rand.Rand) triple { return fromAlphabet(r, 2, 1+r.IntN(12), 4) }},
	{"three lines", 17, func(r *rand.Rand) triple { return fromAlphabet(r, 3, 1+r.IntN(20), 5) }},
	{"eight lines", 10, func(r *rand.Rand) triple { return fromAlphabet(r, 8, 1+r.IntN(40), 8) }},
	// Prompts as people write and edit them.
	{"prompts", 35, func(r *rand.Rand) triple { return fromPrompt(r, 1+r.IntN(6), 1+r.IntN(6)) }},
	{"prompts after prompts", 5, func(r *rand.Rand) triple { return fromPrompt(r, 25+r.IntN(10), 1+r.IntN(20)) }},
	// Unlike texts with blank lines in common: what is left out of the comparison.
	{"rewritten", 7, rewritten},
	{"nothing in common", 3, func(r *rand.Rand) triple {
		return triple{unlike(r, 'b', r.IntN(40)), unlike(r, 'o', r.IntN(40)), unlike(r, 't', r.IntN(40))}
	}},
	{"both ends", 5, bothEnds},
	// Long texts, whose comparison is cut short.
	{"long", 1, func(r *rand.Rand) triple {
		return fromAlphabet(r, 30+r.IntN(500), 600+r.IntN(900), []int{3, 900}[r.IntN(2)])
	}},
}

// makeTriple makes one of the makers' at random.
func makeTriple(r *rand.Rand) (string, triple) {
	n := r.IntN(100)
	for _, m := range makers {
		if n -= m.share; n < 0 {
			c := m.make(r)
			return m.name, finish(r, c)
		}
	}
	panic("the shares are not a hundred")
}

// finish does at times what editors do to a whole text.
func finish(r *rand.Rand, c triple) triple {
	for _, side := range []*[]byte{&c.base, &c.ours, &c.theirs} {
		switch r.IntN(20) {
		case 0:
			*side = bytes.TrimSuffix(*side, []byte("\n"))
		case 1:
			*side = append(bytes.Clone(*side), '\n')
		}
	}
	switch r.IntN(40) {
	case 0:
		c.ours = bytes.ReplaceAll(c.ours, []byte("\n"), []byte("\r\n"))
	case 1:
		c.base, c.ours, c.theirs = crlf(c.base), crlf(c.ours), crlf(c.theirs)
	case 2:
		c.theirs = bytes.Replace(c.theirs, []byte("\n"), []byte("\r\n"), 1+r.IntN(3))
	}
	return c
}

func crlf(text []byte) []byte { return bytes.ReplaceAll(text, []byte("\n"), []byte("\r\n")) }

func join(lines []string) []byte { return []byte(strings.Join(lines, "")) }

// fromAlphabet makes texts of a number of different lines, each side with up to so
// many edits; theirs may have ours in it already.
func fromAlphabet(r *rand.Rand, alphabet, length, edits int) triple {
	line := func() string { return fmt.Sprintf("%d\n", r.IntN(alphabet)) }
	var base []string
	for range length {
		base = append(base, line())
	}
	ours := edit(r, base, r.IntN(edits+1), line)
	from := base
	if r.IntN(4) == 0 {
		from = ours
	}
	return triple{join(base), join(ours), join(edit(r, from, r.IntN(edits+1), line))}
}

// edit changes, adds, removes, repeats and moves lines.
func edit(r *rand.Rand, lines []string, edits int, line func() string) []string {
	out := append([]string(nil), lines...)
	for range edits {
		at := r.IntN(len(out) + 1)
		if at == len(out) {
			out = append(out, line())
			continue
		}
		block := out[at:min(len(out), at+1+r.IntN(4))]
		rest := func() []string { return append(append([]string(nil), out[:at]...), out[at+len(block):]...) }
		switch r.IntN(8) {
		case 0, 1:
			out = append(append(append([]string(nil), out[:at]...), line()), out[at:]...)
		case 2:
			out = rest()
		case 3: // a block is repeated elsewhere
			to := r.IntN(len(out) + 1)
			out = append(append(append([]string(nil), out[:to]...), block...), out[to:]...)
		case 4: // a block is moved
			kept := rest()
			to := r.IntN(len(kept) + 1)
			out = append(append(append([]string(nil), kept[:to]...), block...), kept[to:]...)
		default:
			out[at] = line()
		}
	}
	return out
}

// fromPrompt makes a prompt of so many messages and edits it.
func fromPrompt(r *rand.Rand, messages, edits int) triple {
	words := strings.Fields("you sort tickets into queues answer in the language of the customer never promise refunds keep it short")
	sentence := func(indent string) string {
		switch r.IntN(7) {
		case 0:
			return "\n"
		case 1:
			return indent + "- " + words[r.IntN(len(words))] + "\n"
		case 2:
			return indent + "{% endif %}\n"
		}
		s := indent + words[r.IntN(len(words))]
		for range r.IntN(8) {
			s += " " + words[r.IntN(len(words))]
		}
		return s + "\n"
	}
	lines := []string{"name: A prompt\n", "description: What it does\n", "parameters:\n"}
	for i := range r.IntN(4) {
		lines = append(lines, fmt.Sprintf("  p%d:\n", i), "    type: string\n", "    required: true\n")
	}
	lines = append(lines, "messages:\n")
	for range messages {
		lines = append(lines, "  - role: "+[]string{"system", "user", "assistant"}[r.IntN(3)]+"\n", "    content: |\n")
		for range 1 + r.IntN(8) {
			lines = append(lines, sentence("      "))
		}
	}
	line := func() string { return sentence("      ") }
	side := func(from []string) []string { return edit(r, from, r.IntN(edits+1), line) }
	ours := side(lines)
	theirs := side(lines)
	if r.IntN(5) == 0 {
		theirs = side(ours)
	}
	return triple{join(lines), join(ours), join(theirs)}
}

// unlike makes lines that are in no other text.
func unlike(r *rand.Rand, who rune, lines int) []byte {
	var out bytes.Buffer
	for i := range lines {
		fmt.Fprintf(&out, "%c %d %d\n", who, i, r.IntN(1000))
	}
	return out.Bytes()
}

// rewritten makes texts that share blank lines, braces and a few others.
func rewritten(r *rand.Rand) triple {
	length := 5 + r.IntN(120)
	text := func(who rune, unlike int, from []string) []string {
		var lines []string
		for i := range length {
			switch n := r.IntN(100); {
			case n < unlike:
				lines = append(lines, fmt.Sprintf("%c%d\n", who, i))
			case n < unlike+(100-unlike)/2:
				lines = append(lines, []string{"\n", "  }\n", "---\n"}[r.IntN(3)])
			case from != nil:
				lines = append(lines, from[min(len(from)-1, i)])
			default:
				lines = append(lines, fmt.Sprintf("common %d\n", i))
			}
		}
		return lines
	}
	base := text('b', 40, nil)
	ours, theirs := text('o', 20+r.IntN(60), base), text('t', r.IntN(60), base)
	if r.IntN(2) == 0 { // each rewrote a part of its own
		at := r.IntN(length)
		ours = append(append([]string(nil), ours[:at]...), base[at:]...)
		theirs = append(append([]string(nil), base[:at]...), theirs[at:]...)
	}
	return triple{join(base), join(ours), join(theirs)}
}

// bothEnds edits the first and the last lines.
func bothEnds(r *rand.Rand) triple {
	line := func() string { return fmt.Sprintf("%d\n", r.IntN(3)) }
	var middle []string
	for range r.IntN(8) {
		middle = append(middle, line())
	}
	side := func() []byte {
		var lines []string
		for range r.IntN(3) {
			lines = append(lines, line())
		}
		lines = append(lines, middle...)
		for range r.IntN(3) {
			lines = append(lines, line())
		}
		return join(lines)
	}
	return triple{side(), side(), side()}
}

// compare merges random triples and holds the outcomes to git's.
func compare(t *testing.T, seed uint64, count int) {
	t.Helper()
	needGit(t)
	r := rand.New(rand.NewPCG(seed, 7))
	triples, names := make([]triple, count), make([]string, count)
	for i := range triples {
		names[i], triples[i] = makeTriple(r)
	}
	clean, wrong := map[string]int{}, map[string]int{}
	for i, want := range mergeAll(t, triples) {
		c := triples[i]
		got := outcome("")
		merged, conflicts := Merge(c.base, c.ours, c.theirs)
		if len(conflicts) == 0 {
			got = blobName(merged)
			clean[names[i]]++
		}
		if got == want {
			continue
		}
		what := "another merge than git's"
		if got == "" {
			what = "a conflict, where git has none"
		} else if want == "" {
			what = "no conflict, where git has one"
		}
		if wrong[what]++; wrong[what] < 4 && len(c.base) < 2000 {
			t.Errorf("%s, seed %d, %d: %s\nbase\n%q\nours\n%q\ntheirs\n%q\nmerged\n%q", names[i], seed, i, what, c.base, c.ours, c.theirs, merged)
		}
	}
	for what, n := range wrong {
		t.Errorf("seed %d: %d of %d: %s", seed, n, count, what)
	}
	made := map[string]int{}
	for _, name := range names {
		made[name]++
	}
	for _, m := range makers {
		if n := clean[m.name]; count >= 5000 && m.name != "nothing in common" && (n == 0 || n == made[m.name]) {
			t.Errorf("%s: %d of %d are clean: it tests little", m.name, n, made[m.name])
		}
	}
}

// The outcomes are git's, with no exceptions.
func TestAsGit(t *testing.T) { compare(t, 1, 5000) }

// What merges many triples at once is git merge-file.
func TestOracle(t *testing.T) {
	needGit(t)
	r := rand.New(rand.NewPCG(2, 7))
	var triples []triple
	for range 100 {
		_, c := makeTriple(r)
		triples = append(triples, c)
	}
	dir := t.TempDir()
	for i, got := range mergeAll(t, triples) {
		want := outcome("")
		if merged, clean := mergeFile(t, dir, triples[i]); clean {
			want = blobName(merged)
		}
		if got != want {
			t.Errorf("git apply %q, git merge-file %q: %q", got, want, triples[i])
		}
	}
}
