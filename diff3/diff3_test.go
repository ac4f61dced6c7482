package diff3

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestMerge(t *testing.T) {
	for name, c := range map[string]struct {
		base, ours, theirs, merged string
		conflicts                  []Hunk
	}{
		"nothing":             {"", "", "", "", nil},
		"ours":                {"a\nb\nc\n", "a\nB\nc\n", "a\nb\nc\n", "a\nB\nc\n", nil},
		"theirs":              {"a\nb\nc\n", "a\nb\nc\n", "a\nb\n", "a\nb\n", nil},
		"both":                {"a\nb\nc\nd\n", "A\nb\nc\nd\n", "a\nb\nc\nD\n", "A\nb\nc\nD\n", nil},
		"alike":               {"a\nb\nc\n", "a\nx\nc\n", "a\nx\nc\n", "a\nx\nc\n", nil},
		"alike and more":      {"a\nb\nc\nd\n", "a\nx\nc\nd\n", "a\nx\nc\nD\n", "a\nx\nc\nD\n", nil},
		"gone, and gone":      {"a\nb\nc\n", "a\nc\n", "a\nc\n", "a\nc\n", nil},
		"same line":           {"a\nb\nc\n", "a\nx\nc\n", "a\ny\nc\n", "a\nb\nc\n", []Hunk{{2, []byte("b\n"), []byte("x\n"), []byte("y\n")}}},
		"next lines":          {"a\nb\nc\n", "A\nb\nc\n", "a\nB\nc\n", "a\nb\nc\n", []Hunk{{1, []byte("a\nb\n"), []byte("A\nb\n"), []byte("a\nB\n")}}},
		"a line between":      {"a\nb\nc\n", "A\nb\nc\n", "a\nb\nC\n", "A\nb\nC\n", nil},
		"put in at one place": {"a\nb\n", "a\nx\nb\n", "a\ny\nb\n", "a\nb\n", []Hunk{{2, nil, []byte("x\n"), []byte("y\n")}}},
		"from nothing":        {"", "a\n", "b\n", "", []Hunk{{1, nil, []byte("a\n"), []byte("b\n")}}},
		"changed and gone":    {"a\nb\nc\n", "a\nB\nc\n", "a\nc\n", "a\nb\nc\n", []Hunk{{2, []byte("b\n"), []byte("B\n"), nil}}},
		"no last line end":    {"a\nb\nc", "A\nb\nc", "a\nb\nc\n", "A\nb\nc\n", nil},
		"other line ends":     {"a\nb\nc\n", "a\r\nb\nc\n", "a\nb\nC\n", "a\r\nb\nC\n", nil},
	} {
		t.Run(name, func(t *testing.T) {
			merged, conflicts := Merge([]byte(c.base), []byte(c.ours), []byte(c.theirs))
			if string(merged) != c.merged {
				t.Errorf("merged %q, want %q", merged, c.merged)
			}
			if !slices.EqualFunc(conflicts, c.conflicts, func(a, b Hunk) bool {
				return a.Line == b.Line && bytes.Equal(a.Base, b.Base) && bytes.Equal(a.Ours, b.Ours) && bytes.Equal(a.Theirs, b.Theirs)
			}) {
				t.Errorf("conflicts %+v, want %+v", conflicts, c.conflicts)
			}
		})
	}
}

// mergeFile is what git merge-file makes of it; clean is false when it found
// conflicts.
func mergeFile(t testing.TB, dir string, base, ours, theirs []byte) (merged []byte, clean bool) {
	t.Helper()
	var names []string
	for name, text := range map[string][]byte{"1ours": ours, "2base": base, "3theirs": theirs} {
		names = append(names, filepath.Join(dir, name))
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	slices.Sort(names)
	cmd := exec.Command("git", append([]string{"merge-file", "-p", "-q"}, names...)...)
	cmd.Dir = dir
	out, err := cmd.Output()
	var exit *exec.ExitError
	if err != nil && (!errors.As(err, &exit) || exit.ExitCode() > 127) {
		t.Fatal(err)
	}
	return out, err == nil
}

// edit changes, adds and removes a few lines; alphabet is how many lines there are
// to choose from.
func edit(r *rand.Rand, lines []string, alphabet int) []string {
	out := slices.Clone(lines)
	for range r.IntN(4) {
		at := r.IntN(len(out) + 1)
		line := fmt.Sprintf("line %d\n", r.IntN(alphabet))
		switch {
		case r.IntN(3) == 0 || at == len(out):
			out = slices.Insert(out, at, line)
		case r.IntN(2) == 0:
			out = slices.Delete(out, at, min(at+1+r.IntN(2), len(out)))
		default:
			out[at] = line
		}
	}
	return out
}

func join(lines []string) []byte { return []byte(strings.Join(lines, "")) }

// TestAsGit compares with git where lines are rarely repeated, so that there is one
// shortest script.
func TestAsGit(t *testing.T) {
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("SKIPPED: needs git")
	}
	dir := t.TempDir()
	r := rand.New(rand.NewPCG(3, 7))
	cleans := 0
	for i := range 400 {
		var lines []string
		for n := range r.IntN(25) {
			lines = append(lines, fmt.Sprintf("base %d\n", n))
		}
		base, ours, theirs := join(lines), join(edit(r, lines, 1000)), join(edit(r, lines, 1000))
		if i%5 == 0 {
			theirs = bytes.TrimSuffix(theirs, []byte("\n"))
		}
		if i%3 == 0 { // theirs has ours in it already
			theirs = join(edit(r, strings.SplitAfter(string(ours), "\n"), 1000))
		}
		want, clean := mergeFile(t, dir, base, ours, theirs)
		got, conflicts := Merge(base, ours, theirs)
		if clean != (len(conflicts) == 0) || clean && !bytes.Equal(got, want) {
			t.Errorf("base\n%sours\n%stheirs\n%sgot %d conflicts\n%s\ngit %v\n%s", base, ours, theirs, len(conflicts), got, clean, want)
		}
		if clean {
			cleans++
		}
	}
	if cleans < 100 || cleans > 350 {
		t.Errorf("%d of 400 are clean: the test tests little", cleans)
	}
}

// laws are what holds of every merge.
func laws(t *testing.T, base, ours, theirs []byte) {
	t.Helper()
	for _, c := range []struct{ base, ours, theirs, want []byte }{
		{base, base, theirs, theirs},
		{base, ours, base, ours},
		{base, ours, ours, ours},
	} {
		if merged, conflicts := Merge(c.base, c.ours, c.theirs); len(conflicts) > 0 || !bytes.Equal(merged, c.want) {
			t.Fatalf("%q, %q, %q: %q, %d conflicts", c.base, c.ours, c.theirs, merged, len(conflicts))
		}
	}
	merged, conflicts := Merge(base, ours, theirs)
	swapped, others := Merge(base, theirs, ours)
	if !bytes.Equal(merged, swapped) || len(conflicts) != len(others) {
		t.Fatalf("%q, %q, %q: the sides are not alike: %q, %q", base, ours, theirs, merged, swapped)
	}
	for _, side := range [][]byte{ours, theirs} {
		a, b := splitLines(base), splitLines(side)
		at, list := 0, changes(a, b)
		var out []byte
		for i, c := range list {
			if i > 0 && c.from <= list[i-1].to || c.from == c.to && c.begin == c.end {
				t.Fatalf("%q to %q: %v", base, side, list)
			}
			out = appendLines(appendLines(out, a[at:c.from]), b[c.begin:c.end])
			at = c.to
		}
		if out = appendLines(out, a[at:]); !bytes.Equal(out, side) {
			t.Fatalf("%q to %q: %v makes %q", base, side, list, out)
		}
	}
}

func TestLaws(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 3000 {
		lines := edit(r, edit(r, edit(r, nil, 3), 3), 3)
		laws(t, join(lines), join(edit(r, lines, 3)), join(edit(r, edit(r, lines, 3), 3)))
	}
}

func FuzzMerge(f *testing.F) {
	f.Add([]byte("a\nb\nc\n"), []byte("a\nx\nc\n"), []byte("a\nb\nc\nd"))
	f.Add([]byte("\n\n\n"), []byte("\n\n\n\n"), []byte("\n"))
	f.Fuzz(laws)
}

// TestNothingInCommon takes no time, though every line differs.
func TestNothingInCommon(t *testing.T) {
	var a, b, c bytes.Buffer
	for i := range 100_000 {
		fmt.Fprintf(&a, "a%d\n", i)
		fmt.Fprintf(&b, "b%d\n", i)
		fmt.Fprintf(&c, "%d\n", i%7)
	}
	start := time.Now()
	if _, conflicts := Merge(a.Bytes(), b.Bytes(), c.Bytes()); len(conflicts) != 1 {
		t.Errorf("%d conflicts", len(conflicts))
	}
	if took := time.Since(start); took > 10*time.Second {
		t.Errorf("it took %v", took)
	}
}
