package client

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"
)

func filesOf(t testing.TB, dir string) (paths []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err == nil && e.Type().IsRegular() {
			paths = append(paths, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return paths
}

func readAll(t testing.TB, path string) []byte {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func overwrite(t testing.TB, path string, data []byte) {
	t.Helper()
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

func clearEnvironment(t *testing.T) {
	for _, name := range []string{"URL", "TOKEN", "TRUST", "PROJECT", "CHANNEL", "CACHE", "CLIENT_ID"} {
		t.Setenv("ANVIL_"+name, "")
	}
}

func TestOptionsFromTheEnvironment(t *testing.T) {
	clearEnvironment(t)
	dir := t.TempDir()
	file := filepath.Join(dir, "signers")
	overwrite(t, file, trustLine(t))
	t.Setenv("ANVIL_URL", " https://a.example , http://localhost:8080/anvil/ ")
	t.Setenv("ANVIL_TOKEN", "secret\n")
	t.Setenv("ANVIL_TRUST", file)
	t.Setenv("ANVIL_PROJECT", "support")
	t.Setenv("ANVIL_CACHE", dir)
	t.Setenv("ANVIL_CLIENT_ID", "me")
	s, err := settle(Options{})
	if err != nil {
		t.Fatal(err)
	}
	if len(s.urls) != 2 || s.urls[1].String() != "http://localhost:8080/anvil" || s.Token != "secret" || s.Project != "support" ||
		s.Channel != "production" || s.folder != dir || s.ClientID != "me" || s.StartTimeout != 5*time.Second || s.trust == nil || s.App == "" || len(s.warnings) > 0 {
		t.Errorf("settled %+v", s)
	}
	t.Setenv("ANVIL_TRUST", string(trustLine(t)))
	if _, err := settle(Options{}); err != nil {
		t.Errorf("trust as lines: %v", err)
	}
	t.Setenv("ANVIL_CHANNEL", "canary")
	s, err = settle(Options{Project: "billing", Channel: "draft", URLs: []string{"https://c.example"}, Token: "mine", ClientID: "you", Cache: NoCache})
	if err != nil {
		t.Fatal(err)
	}
	if s.Project != "billing" || s.Channel != "draft" || s.urls[0].Host != "c.example" || s.Token != "mine" || s.ClientID != "you" || s.folder != "" {
		t.Errorf("an option does not win over its variable: %+v", s)
	}
}

func TestOptionsAreChecked(t *testing.T) {
	clearEnvironment(t)
	good := func() Options {
		return Options{URLs: []string{"https://a.example"}, Token: "t", Project: "support", Trust: trustLine(t), Cache: NoCache}
	}
	if _, err := settle(good()); err != nil {
		t.Fatal(err)
	}
	for want, spoil := range map[string]func(*Options){
		"no server: set ANVIL_URL or Options.URLs":         func(o *Options) { o.URLs = nil },
		"\"a.example\" has no scheme: write https://a.":    func(o *Options) { o.URLs = []string{"a.example"} },
		"write http://localhost:8470":                      func(o *Options) { o.URLs = []string{"localhost:8470"} },
		"write http://127.0.0.1:8470":                      func(o *Options) { o.URLs = []string{"127.0.0.1:8470"} },
		"write http://[::1]:8470":                          func(o *Options) { o.URLs = []string{"[::1]:8470"} },
		"option URLs: \"…@host":                            func(o *Options) { o.URLs = []string{"u:secret@host:8470"} },
		"option URLs: \"ftp:":                              func(o *Options) { o.URLs = []string{"ftp://a.example"} },
		"option URLs: \"…@a.example":                       func(o *Options) { o.URLs = []string{"https://u:secret@a.example"} },
		"no token: set ANVIL_TOKEN or Options.Token":       func(o *Options) { o.Token = "" },
		"option Token: contains":                           func(o *Options) { o.Token = "a b" },
		"no project: set ANVIL_PROJECT or Options.Project": func(o *Options) { o.Project = "" },
		"option Project: \"../x":                           func(o *Options) { o.Project = "../x" },
		"option Channel":                                   func(o *Options) { o.Channel = "Production" },
		"no trusted key: set ANVIL_TRUST or Options.Trust": func(o *Options) { o.Trust = nil },
		"option Trust: set together":                       func(o *Options) { o.TrustFile = "x" },
		"option TrustFile":                                 func(o *Options) { o.Trust, o.TrustFile = nil, filepath.Join(t.TempDir(), "nothing") },
		"option Trust: parse":                              func(o *Options) { o.Trust = []byte("rubbish") },
		"option ClientID":                                  func(o *Options) { o.ClientID = "a/b" },
		"option App":                                       func(o *Options) { o.App = strings.Repeat("x", 200) },
		"option Labels":                                    func(o *Options) { o.Labels = map[string]string{"": "x"} },
		"option StartTimeout":                              func(o *Options) { o.StartTimeout = -1 },
		"option MaxStale: -":                               func(o *Options) { o.MaxStale = -1 },
		"option MaxStale: 1s":                              func(o *Options) { o.MaxStale = time.Second },
		"option Cache":                                     func(o *Options) { o.Cache = os.Args[0] },
	} {
		o := good()
		spoil(&o)
		_, err := Open(t.Context(), o)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: got %v", want, err)
			continue
		}
		if hint(err) == "" {
			t.Errorf("%s: no hint", want)
		}
		if !strings.Contains(err.Error(), hint(err)) {
			t.Errorf("%v: printed alone it does not say %s", err, hint(err))
		}
	}
	// What came from the environment is named as what is there.
	t.Setenv("ANVIL_URL", "localhost:8470")
	t.Setenv("ANVIL_TRUST", "hello")
	o := good()
	o.URLs = nil
	if _, err := Open(t.Context(), o); err == nil || !strings.Contains(err.Error(), `option URLs (ANVIL_URL): "localhost:8470" has no scheme: write http://localhost:8470`) {
		t.Errorf("open: %v", err)
	}
	o = good()
	o.Trust = nil
	if _, err := Open(t.Context(), o); !errors.Is(err, ErrUntrusted) || !strings.Contains(err.Error(), "ANVIL_TRUST is neither an allowed_signers line nor a file: hello") {
		t.Errorf("open: %v", err)
	}
	t.Setenv("ANVIL_TRUST", "")
	if _, err := Open(t.Context(), o); !errors.Is(err, ErrUntrusted) || !strings.Contains(hint(err), "anvil keys list") || !strings.Contains(hint(err), "*/support/production") {
		t.Errorf("open without a trusted key: %v, hint %q", err, hint(err))
	}
}

func TestEmbedded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ch := newChannel(t)
		ch.releaseText("Embedded")
		b := ch.releases[ch.head]
		unpacked := fstest.MapFS{
			"release/manifest.json": {Data: b.Raw}, "release/manifest.json.sig": {Data: b.Signature}, "release/SHA256SUMS": {Data: b.Sums.Bytes()},
			"release/README.txt": {Data: []byte("read me")},
		}
		for path, data := range b.Content {
			unpacked["release/"+path] = &fstest.MapFile{Data: data}
		}
		archive := fstest.MapFS{"release.anvil.zip": {Data: zipOf(t, b)}, "notes.txt": {Data: []byte("x")}}
		for name, fsys := range map[string]fs.FS{"archive": archive, "unpacked": unpacked} {
			o := ch.options(t)
			o.Embedded, o.URLs, o.Frozen = fsys, nil, true
			c := open(t, o)
			wantText(t, c, "Embedded")
			out, err := c.Render(classify, Args{"message": "Hi"})
			if err != nil || out.Source != SourceEmbedded || out.Release != "" {
				t.Errorf("%s: rendered %+v, %v", name, out, err)
			}
		}

		// A newer release on disk wins, an older one does not.
		o := ch.options(t)
		o.Embedded = archive
		ch.releaseText("Newer")
		c := open(t, o)
		synctest.Wait()
		wantText(t, c, "Newer")
		if want := "delta"; string(ch.modes[0]) != want {
			t.Errorf("fetched the %s of what the embedded release lacks, want a %s", ch.modes[0], want)
		}
		_ = c.Close()
		down := o
		down.URLs, down.Frozen = nil, true
		wantText(t, open(t, down), "Newer")
		ch.releaseText("Newest")
		down.Embedded = fstest.MapFS{"a/newest.anvil.zip": {Data: zipOf(t, ch.releases[ch.head])}}
		c = open(t, down)
		if wantText(t, c, "Newest"); c.Snapshot().Source() != SourceEmbedded {
			t.Errorf("source %s", c.Snapshot().Source())
		}

		// Refused content counts as none; so does what was altered.
		down.Accept = func(s *Snapshot) error {
			if s.Source() == SourceEmbedded {
				return errors.New("not that one")
			}
			return nil
		}
		wantText(t, open(t, down), "Newer")
		altered := fstest.MapFS{}
		for path, f := range unpacked {
			altered[path] = f
		}
		altered["release/content/support/triage/classify.yaml"] = &fstest.MapFile{Data: []byte("template: Evil\n")}
		down.Accept, down.Embedded, down.Cache = nil, altered, NoCache
		if _, err := Open(t.Context(), down); !errors.Is(err, ErrOffline) {
			t.Errorf("open with altered embedded content: %v", err)
		}
		for name, fsys := range map[string]fs.FS{"nothing": fstest.MapFS{}, "two": fstest.MapFS{"a.anvil.zip": {}, "b.anvil.zip": {}}} {
			down.Embedded = fsys
			if _, err := Open(t.Context(), down); err == nil || hint(err) == "" {
				t.Errorf("%s embedded: %v", name, err)
			}
		}
	})
}

// A cache that cannot be written is a warning.
func TestCacheNotWritable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ch := newChannel(t)
		ch.releaseText("One")
		o := ch.options(t)
		file := filepath.Join(t.TempDir(), "file")
		overwrite(t, file, nil)
		o.Cache, o.ClientID = filepath.Join(file, "below"), ""
		c := open(t, o)
		wantText(t, c, "One")
		s := c.Status()
		if !strings.Contains(strings.Join(s.Warnings, "\n"), "not kept on disk") || !s.Ephemeral || s.State == StateOffline {
			t.Errorf("status %+v", s)
		}

		// Once it can be written, what is served is kept.
		if err := os.Remove(file); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Minute)
		if s := c.Status(); len(s.Warnings) > 0 {
			t.Errorf("status %+v", s)
		}
		_ = c.Close()
		o.URLs, o.Frozen = nil, true
		wantText(t, open(t, o), "One")
	})
}
