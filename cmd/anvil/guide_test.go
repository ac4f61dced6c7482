package main

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/anvilpeering/anvil/prompt"
)

// TestAuthorsGuide does what docs/authoring.md says, in its order: a block of
// YAML is the file that its first line names, and checks clean unless it is
// marked as broken; a console's commands print what stands below them, … being
// any lines. In the end every prompt has tests, and they pass.
func TestAuthorsGuide(t *testing.T) {
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("SKIPPED: needs git")
	}
	guide, err := os.ReadFile(filepath.Join("..", "..", "docs", "authoring.md"))
	if err != nil {
		t.Fatal(err)
	}
	home := t.TempDir()
	t.Setenv("HOME", home)
	t.Setenv("XDG_CONFIG_HOME", home)
	t.Setenv("GIT_CONFIG_NOSYSTEM", "1")
	for name, value := range map[string]string{"GIT_AUTHOR_NAME": "Ida", "GIT_AUTHOR_EMAIL": "ida@example.com", "GIT_COMMITTER_NAME": "Ida", "GIT_COMMITTER_EMAIL": "ida@example.com"} {
		t.Setenv(name, value)
	}
	t.Chdir(t.TempDir())
	files, commands := 0, 0
	for _, b := range blocks(string(guide)) {
		switch kind := strings.Fields(b.kind + " "); {
		case len(kind) == 0:
		case kind[0] == "yaml":
			files++
			writeShown(t, b, slices.Contains(kind, "broken"))
		case kind[0] == "console":
			commands += play(t, b)
		}
	}
	if files < 10 || commands < 15 {
		t.Errorf("%d files, %d commands", files, commands)
	}
	tree, err := parseFolder(".")
	if err != nil {
		t.Fatal(err)
	}
	for p := range tree.Prompts() {
		results := p.RunTests(context.Background())
		if len(results) == 0 {
			t.Errorf("%s has no tests", p.Address)
		}
		for _, r := range results {
			for _, f := range r.Failures {
				t.Errorf("%s", f.Problem)
			}
		}
	}
}

// block is a fenced block of a page.
type block struct {
	line int
	kind string // what follows the fence
	text string
}

func blocks(page string) []block {
	var all []block
	var open *block
	n := 0
	for line := range strings.Lines(page) {
		n++
		fence, fenced := strings.CutPrefix(line, "```")
		switch {
		case fenced && open == nil:
			open = &block{line: n, kind: strings.TrimSpace(fence)}
		case fenced:
			all = append(all, *open)
			open = nil
		case open != nil:
			open.text += line
		}
	}
	return all
}

func writeShown(t *testing.T, b block, broken bool) {
	t.Helper()
	first, _, _ := strings.Cut(b.text, "\n")
	path, ok := strings.CutPrefix(first, "# ")
	if !ok || !prompt.Owns(path) {
		t.Fatalf("line %d: the block does not begin with the name of its file", b.line)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(b.text), 0o644); err != nil {
		t.Fatal(err)
	}
	tree, err := parseFolder(".")
	if err != nil {
		t.Fatal(err)
	}
	if problems := tree.Problems(); broken != (len(problems) > 0) {
		t.Errorf("line %d: broken is %v: %v", b.line, broken, problems)
	}
}

// play runs the commands of a console and compares what they print. It returns
// how many there are.
func play(t *testing.T, b block) int {
	t.Helper()
	steps := strings.Split("\n"+b.text, "\n$ ")[1:]
	for _, step := range steps {
		command, want, _ := strings.Cut(step, "\n")
		want = strings.TrimSuffix(want, "\n")
		var out bytes.Buffer
		switch args := words(t, command); args[0] {
		case "cd":
			t.Chdir(args[1])
		case "anvil":
			run(context.Background(), args[1:], strings.NewReader(""), &out, &out)
		case "git":
			cmd := exec.Command("git", args[1:]...)
			cmd.Stdout, cmd.Stderr = &out, &out
			if err := cmd.Run(); err != nil {
				t.Fatalf("line %d: %s: %v\n%s", b.line, command, err, out.String())
			}
		default:
			t.Fatalf("line %d: who runs %s?", b.line, command)
		}
		if got := strings.TrimSuffix(out.String(), "\n"); !shows(want, got) {
			t.Errorf("line %d: %s prints\n%s\nnot\n%s", b.line, command, got, want)
		}
	}
	return len(steps)
}

// shows reports whether a text is what a page shows of it.
func shows(want, got string) bool {
	head, tail, cut := strings.Cut("\n"+want+"\n", "\n…\n")
	if !cut {
		return want == got
	}
	got = "\n" + got + "\n"
	return strings.HasPrefix(got, head) && strings.HasSuffix(got, "\n"+tail) || head == "" && strings.HasSuffix(got, tail)
}

// words splits a command as a shell does, as far as the guide needs it.
func words(t *testing.T, command string) []string {
	t.Helper()
	var all []string
	var word strings.Builder
	var quote rune
	for _, r := range command + " " {
		switch {
		case quote != 0 && r == quote:
			quote = 0
		case quote == 0 && (r == '"' || r == '\''):
			quote = r
		case quote == 0 && r == ' ':
			if word.Len() > 0 {
				all = append(all, word.String())
			}
			word.Reset()
		default:
			word.WriteRune(r)
		}
	}
	if quote != 0 || len(all) == 0 {
		t.Fatalf("%s is no command", command)
	}
	return all
}
