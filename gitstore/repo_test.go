package gitstore

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

func TestCreateAndOpen(t *testing.T) {
	isolate(t)
	base, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(base, "new [folder]")
	created, err := Create(dir, Options{Logger: quiet()})
	if err != nil {
		t.Fatal(err)
	}
	defer created.Close()
	w := &work{t: t, dir: dir, repo: created}
	w.write("org/prompts/a.yaml", "a\n")
	s, err := created.State()
	if err != nil || s.Branch != "refs/heads/main" || !s.Tip.IsZero() || s.Busy != "" {
		t.Fatalf("state of a new repository: %+v, %v", s, err)
	}
	w.commit("org/prompts/a.yaml")
	w.clean()

	inner, err := Open(filepath.Join(dir, "org", "prompts"), Options{Logger: quiet()})
	if err != nil {
		t.Fatal(err)
	}
	defer inner.Close()
	if inner.Root() != dir || inner.CommonDir() != filepath.Join(dir, ".git") {
		t.Fatalf("root %s, common dir %s", inner.Root(), inner.CommonDir())
	}
	link := filepath.Join(base, "link")
	if err := os.Symlink(filepath.Join(dir, "org"), link); err != nil {
		t.Fatal(err)
	}
	for in, want := range map[string]string{dir: "", filepath.Join(dir, "org"): "org", link: "org"} {
		if got, err := inner.Prefix(in); err != nil || got != want {
			t.Errorf("prefix of %s: %q, %v", in, got, err)
		}
	}
	if _, err := inner.Prefix(base); err == nil {
		t.Error("a folder outside has a prefix")
	}
	if _, err := Open(base, Options{}); !errors.Is(err, ErrNotRepository) {
		t.Errorf("open outside of a repository: %v", err)
	}
	again, err := Create(dir, Options{Logger: quiet(), InitialBranch: "other"})
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	if got, err := again.Tip("HEAD"); err != nil || got != w.tip() {
		t.Errorf("created again: %s, %v", got, err)
	}
}

// The releases repository: bare, orphan branches, no index, no reflog, written
// durably.
func TestBareRepository(t *testing.T) {
	isolate(t)
	dir := filepath.Join(t.TempDir(), "releases.git")
	repo, err := Create(dir, Options{Bare: true, Logger: quiet()})
	if err != nil {
		t.Fatal(err)
	}
	defer repo.Close()
	w := &work{t: t, dir: dir, repo: repo}
	if repo.Root() != "" || w.git("rev-parse", "--is-bare-repository") != "true" {
		t.Fatalf("the root is %q", repo.Root())
	}
	ctx := context.Background()
	var tip Hash
	for _, content := range []string{"1\n", "2\n", "3\n"} {
		c := NewCommit{
			Branch: "refs/heads/support/draft", Tip: tip, Message: "support/draft\n\nbody\n", Author: ada,
			Edits: []Edit{{Path: "content/a/b/c.yaml", Content: []byte(content)}, {Path: "manifest.json", Content: []byte(content)}},
		}
		if tip, err = repo.Commit(ctx, c); err != nil {
			t.Fatal(err)
		}
	}
	w.fsck()
	if got := w.git("show", "support/draft:content/a/b/c.yaml"); got != "3" {
		t.Fatalf("the branch holds %q", got)
	}
	if got := w.git("log", "--format=%B", "support/draft"); strings.Count(got, "body") != 3 {
		t.Fatalf("the log is %q", got)
	}
	var contents []string
	for c, err := range repo.Log(tip, "") {
		if err != nil {
			t.Fatal(err)
		}
		for e, err := range repo.Walk(c.Hash, "content") {
			blob, readErr := repo.Blob(e.Hash)
			if err != nil || readErr != nil || e.Path != "content/a/b/c.yaml" {
				t.Fatalf("%+v, %v, %v", e, err, readErr)
			}
			contents = append(contents, string(blob))
		}
	}
	if strings.Join(contents, "") != "3\n2\n1\n" {
		t.Fatalf("the history holds %q", contents)
	}
	if blobs, local, err := repo.IndexBlobs(""); err != nil || len(blobs)+len(local) != 0 {
		t.Fatalf("the index holds %v, %v", blobs, err)
	}
}

func TestRefusals(t *testing.T) {
	attributes := func(text string) func(*work) {
		return func(w *work) { w.write(".gitattributes", text) }
	}
	for name, c := range map[string]struct {
		prepare func(*work)
		refused string
	}{
		"autocrlf":               {func(w *work) { w.git("config", "core.autocrlf", "true") }, "autocrlf"},
		"autocrlf input":         {func(w *work) { w.git("config", "core.autocrlf", "input") }, ""},
		"autocrlf, but not here": {func(w *work) { w.git("config", "core.autocrlf", "true"); attributes("*.yaml -text\n")(w) }, ""},
		"text":                   {attributes("*.yaml text\n"), ""},
		"text, which is crlf":    {func(w *work) { w.git("config", "core.eol", "crlf"); attributes("*.yaml text\n")(w) }, "text"},
		"text for all":           {attributes("* text eol=crlf\n"), "eol"},
		"text auto":              {attributes("* text=auto\n"), ""},
		"binary":                 {attributes("* text\n*.yaml binary\n"), ""},
		"filter":                 {attributes("*.yaml filter=lfs diff=lfs merge=lfs -text\n"), "filter"},
		"encoding":               {attributes("*.yaml working-tree-encoding=UTF-16\n"), "encoding"},
		"other files":            {attributes("*.png filter=lfs\n*.txt text eol=crlf\n"), ""},
		"info": {func(w *work) {
			w.write(".git/info/attributes", "*.yaml eol=crlf\n")
		}, "eol"},
		"below": {func(w *work) {
			w.write("p/s/.gitattributes", "*.yaml eol=crlf\n")
			w.git("add", "p/s/.gitattributes")
		}, "eol"},
		"split index": {func(w *work) { w.git("update-index", "--split-index") }, "split"},
		"sparse index": {func(w *work) {
			w.write("in/a.yaml", "a\n")
			w.write("out/deep/b.yaml", "b\n")
			w.git("add", ".")
			w.git("commit", "-q", "-m", "m")
			w.git("sparse-checkout", "set", "--cone", "--sparse-index", "in")
		}, "sparse"},
		"sparse checkout": {func(w *work) {
			w.write("in/a.yaml", "a\n")
			w.write("out/deep/b.yaml", "b\n")
			w.git("add", ".")
			w.git("commit", "-q", "-m", "m")
			w.git("sparse-checkout", "set", "--cone", "in")
			w.git("config", "--worktree", "index.sparse", "false")
		}, ""},
		"partial clone": {func(w *work) {
			w.git("config", "core.repositoryformatversion", "1")
			w.git("config", "extensions.partialClone", "origin")
		}, "partial"},
		"reftable": {func(w *work) {
			w.git("config", "core.repositoryformatversion", "1")
			w.git("config", "extensions.refStorage", "reftable")
		}, "reftable"},
		"unknown extension": {func(w *work) {
			w.git("config", "core.repositoryformatversion", "1")
			w.git("config", "extensions.novelty", "1")
		}, "novelty"},
		"future": {func(w *work) { w.git("config", "core.repositoryformatversion", "9") }, "version 9"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWork(t)
			c.prepare(w)
			repo, err := Open(w.dir, Options{Logger: quiet()})
			if err == nil {
				defer repo.Close()
			}
			if c.refused == "" {
				if err != nil {
					t.Fatal(err)
				}
				return
			}
			var hint interface{ Hint() string }
			if !errors.Is(err, ErrUnsupported) || !strings.Contains(err.Error(), c.refused) || !errors.As(err, &hint) || hint.Hint() == "" {
				t.Fatalf("open: %v", err)
			}
		})
	}
	t.Run("sha256", func(t *testing.T) {
		isolate(t)
		dir := t.TempDir()
		if out, err := exec.Command("git", "init", "-q", "--object-format=sha256", dir).CombinedOutput(); err != nil {
			t.Fatalf("git init: %s", out)
		}
		if _, err := Open(dir, Options{}); !errors.Is(err, ErrUnsupported) || !strings.Contains(err.Error(), "sha256") {
			t.Fatalf("open: %v", err)
		}
	})
}

// Our reading of attributes is git's.
func TestAttributesAreReadAsGitDoes(t *testing.T) {
	w := newWork(t)
	w.write(".gitattributes", "* text\n*.yaml -text eol=lf\n[attr]mine filter=x -text\na/**/z.yaml mine !eol\n/a/*.yaml text=auto\n"+
		"a/ text\n!x text\n\"q r.yaml\" filter=q\n*.[ch] binary # no comment\n*.[b-e] binary\nb/*/c.yaml -mine\n")
	w.write("a/.gitattributes", "z.yaml eol=crlf\n/b/*.yaml filter=deep\n[attr]other text\n*.other other\nsub/q.yaml -filter\n")
	w.write(".git/info/attributes", "info.yaml working-tree-encoding=UTF-16 text\n")
	a := w.repo.attributes(nil)
	for _, name := range []string{
		"x", "x.yaml", "a/x.yaml", "a/z.yaml", "a/b/z.yaml", "a/b/c/z.yaml", "q r.yaml", "x.c", "x.d", "a/info.yaml",
		"info.yaml", "a/b/x.yaml", "a/x.other", "a/sub/q.yaml", "b/a/c.yaml", "b/c.yaml",
	} {
		for _, attribute := range []string{"text", "eol", "filter", "working-tree-encoding", "diff", "mine"} {
			want := strings.TrimPrefix(w.git("check-attr", attribute, "--", name), name+": "+attribute+": ")
			if name == "q r.yaml" {
				want = want[strings.LastIndex(want, " ")+1:]
			}
			got, ok := a.of(name)[attribute]
			if got = strings.TrimPrefix(got, "\x00"); !ok {
				got = "unspecified"
			}
			if got != want {
				t.Errorf("%s of %s: %s, git says %s", attribute, name, got, want)
			}
		}
	}
}

// Line ends under all settings: what git gives back as it was is committed, and
// what it would convert is refused, the repository or the file alone.
func TestLineEndsThatGitWouldConvert(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("SKIPPED: needs a system whose lines end in LF")
	}
	w := newWork(t)
	for _, autocrlf := range []string{"", "1", "input"} {
		for _, eol := range []string{"", "lf", "crlf"} {
			for _, attributes := range []string{"", "text", "-text", "text=auto", "eol=lf", "eol=crlf", "text eol=crlf", "-text eol=crlf", "text=auto eol=lf", "text=auto eol=crlf", "crlf", "-crlf", "crlf=input", "text=input", "!text"} {
				w.write(".gitattributes", "* "+attributes+"\n")
				var list config
				args := []string{}
				for key, value := range map[string]string{"core.autocrlf": autocrlf, "core.eol": eol} {
					if value != "" {
						list = append(list, configValue{key: key, value: value})
						args = append(args, "-c", key+"="+value)
					}
				}
				for _, text := range []string{"a\nb\n", "a\r\nb\r\n"} {
					w.write("x.yaml", text)
					stored := w.git(append(args, "hash-object", "-w", "--path", "x.yaml", "x.yaml")...)
					back, err := w.tryGit(append(args, "cat-file", "--filters", "--path=x.yaml", stored)...)
					if err != nil {
						t.Fatal(err)
					}
					same := stored == BlobHash([]byte(text)).String() && back+"\n" == text
					err = w.repo.attributes(list).refuseContent("x.yaml", []byte(text))
					if converts := w.repo.attributes(list).refuse("x.yaml") != nil; (err == nil) != same && !converts {
						t.Errorf("%v, %q, %q: git keeps it: %v, but %v", args, attributes, text, same, err)
					} else if converts && text == "a\nb\n" && same {
						t.Errorf("%v, %q: git converts nothing, but %v", args, attributes, err)
					}
				}
			}
		}
	}
}

// A file alone is refused, and named, when only its content is converted.
func TestContentThatGitWouldConvert(t *testing.T) {
	w := newWork(t)
	w.git("config", "core.autocrlf", "input")
	w.open()
	w.write("a.yaml", "a\r\n")
	var converted *ConvertedError
	if _, err := w.tryCommit("a.yaml"); !errors.Is(err, ErrUnsupported) || !errors.As(err, &converted) || converted.Path != "a.yaml" {
		t.Fatalf("commit: %v", err)
	}
	w.write("a.yaml", "a\n")
	w.commit("a.yaml")
	w.clean()
}

func TestIdentity(t *testing.T) {
	w := newWork(t)
	for _, name := range []string{"GIT_AUTHOR_NAME", "GIT_AUTHOR_EMAIL", "EMAIL"} {
		t.Setenv(name, "") // restored at the end
		if err := os.Unsetenv(name); err != nil {
			t.Fatal(err)
		}
	}
	global := filepath.Join(t.TempDir(), "gitconfig")
	t.Setenv("GIT_CONFIG_GLOBAL", global)
	if who, ok := w.repo.Identity(); ok {
		t.Fatalf("nobody is %v", who)
	}
	files := map[string]string{
		global: "[user]\n\tname = Global # not me\n\temail = g@example.org\n[include]\n\tpath = more\n" +
			"[includeIf \"gitdir:" + filepath.ToSlash(filepath.Dir(w.dir)) + "/\"]\n\tpath = here\n" +
			"[includeIf \"gitdir:/nowhere/\"]\n\tpath = bad\n" +
			"[includeIf \"onbranch:feature/**\"]\n\tpath = branch\n" +
			"[includeIf \"hasconfig:remote.*.url:https://example.org/**\"]\n\tpath = remote\n",
		"more":   "[user]\n\tname = \"More \\\"M\\\" \" ; comment\n",
		"here":   "[user]\n\temail = here@example.org\n",
		"bad":    "[user]\n\temail = bad@example.org\n",
		"branch": "[user]\n\tname = Branch\n",
		"remote": "[user]\n\tname = Remote\n",
	}
	for name, content := range files {
		if !filepath.IsAbs(name) {
			name = filepath.Join(filepath.Dir(global), name)
		}
		if err := os.WriteFile(name, []byte(content), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	check := func(name, email string) {
		t.Helper()
		who, ok := w.repo.Identity()
		if !ok || who.Name != name || who.Email != email {
			t.Fatalf("identity %q <%s>, %v", who.Name, who.Email, ok)
		}
		out := w.git("var", "GIT_AUTHOR_IDENT")
		if got := out[:strings.LastIndex(out, ">")+1]; got != who.Name+" <"+who.Email+">" {
			t.Fatalf("git says %s", got)
		}
	}
	check(`More "M`, "here@example.org")
	w.git("checkout", "-q", "--orphan", "feature/x/y")
	check("Branch", "here@example.org")
	w.git("remote", "add", "origin", "https://example.org/a/b.git")
	check("Remote", "here@example.org")
	w.git("config", "user.name", "Local")
	check("Local", "here@example.org")
	w.git("config", "author.name", "Author")
	check("Author", "here@example.org")
	t.Setenv("GIT_AUTHOR_NAME", "Environment")
	check("Environment", "here@example.org")

	t.Setenv("GIT_CONFIG_GLOBAL", os.DevNull)
	t.Setenv("EMAIL", "mine@example.org")
	check("Environment", "mine@example.org")
	w.git("config", "user.useConfigOnly", "true")
	if who, ok := w.repo.Identity(); ok || !w.repo.ConfiguredOnly() {
		t.Errorf("identity %v, git would not make it up", who)
	}
	if out, err := w.tryGit("var", "GIT_AUTHOR_IDENT"); err == nil {
		t.Errorf("git says %s", out)
	}
}

// Our reading of configuration files is git's.
func TestConfigIsReadAsGitDoes(t *testing.T) {
	w := newWork(t)
	text := "\xef\xbb\xbf; c\n[a]\n\tx\n\ty = \"a # b\" c ; d\n z=1\n[a \"Sub.\\\"q\\\\\"]K = v \\\n  w\n[B.c]\n\tD = \\t\\\"\\\\n  \n" +
		"[core] bare = false\n\teditor = x  y\t z\n[e]\r\n\tf = g\r\n"
	file := filepath.Join(t.TempDir(), "config")
	if err := os.WriteFile(file, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
	want := w.git("config", "--file", file, "--list", "--null")
	values, err := parseConfig([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	var got strings.Builder
	for _, v := range values {
		got.WriteString(v.key)
		if !v.bare {
			got.WriteString("\n" + v.value)
		}
		got.WriteByte(0)
	}
	if got.String() != want {
		t.Fatalf("we read\n%q\ngit reads\n%q", got.String(), want)
	}
}
