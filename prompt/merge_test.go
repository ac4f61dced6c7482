package prompt

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
)

// outcome is a merge as the golden files have it.
func outcome(m *Merged) []txtar.File {
	if len(m.Conflicts) == 0 {
		return []txtar.File{{Name: "merged", Data: m.Content}}
	}
	var b bytes.Buffer
	side := func(name string, s Side) {
		if s.Absent {
			fmt.Fprintf(&b, "  %s: absent\n", name)
			return
		}
		fmt.Fprintf(&b, "  %s, line %d: %q\n", name, s.Line, s.Text)
	}
	for _, c := range m.Conflicts {
		fmt.Fprintf(&b, "%s of %q: %s", c.Kind, c.Field, c.Reason)
		if c.Joinable {
			b.WriteString(" (both may be taken)")
		}
		b.WriteString("\n")
		side("base", c.Base)
		side("ours", c.Ours)
		side("theirs", c.Theirs)
	}
	return []txtar.File{{Name: "conflicts", Data: b.Bytes()}, {Name: "marked", Data: m.Marked(7, "ours", "theirs")}}
}

// Each archive in testdata/merge is a merge to read: what it shows, the three
// files, and what comes out. Where there are conflicts, "take ours", "take theirs"
// and "take both" are what they are resolved to, and "marked" is what git shows.
func TestMergeGolden(t *testing.T) {
	names, err := filepath.Glob("testdata/merge/*.txtar")
	if err != nil || len(names) == 0 {
		t.Fatal(err, names)
	}
	for _, name := range names {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(name)
			if err != nil {
				t.Fatal(err)
			}
			in := make(map[string][]byte)
			var want, files []txtar.File
			for _, f := range archive.Files {
				switch f.Name {
				case "base", "ours", "theirs":
					in[f.Name] = f.Data
					files = append(files, f)
				default:
					want = append(want, f)
				}
			}
			m := Merge(in["base"], in["ours"], in["theirs"])
			got := outcome(m)
			if len(m.Conflicts) > 0 {
				for take, name := range map[Take]string{TakeOurs: "take ours", TakeTheirs: "take theirs", TakeBoth: "take both"} {
					if r := m.Resolve(func(Conflict) Take { return take }); len(r.Conflicts) == 0 {
						got = append(got, txtar.File{Name: name, Data: r.Content})
					} else if take != TakeBoth {
						t.Errorf("%s leaves %v", name, r.Conflicts)
					}
				}
				sortFiles(got)
			}
			a, b := txtar.Format(&txtar.Archive{Files: got}), txtar.Format(&txtar.Archive{Files: want})
			if bytes.Equal(a, b) {
				return
			}
			if *update {
				archive.Files = append(files, got...)
				if err := os.WriteFile(name, txtar.Format(archive), 0o666); err != nil {
					t.Fatal(err)
				}
				return
			}
			t.Errorf("got\n%s\nwant\n%s", a, b)
		})
	}
}

func sortFiles(files []txtar.File) {
	order := map[string]int{"conflicts": 0, "marked": 1, "take ours": 2, "take theirs": 3, "take both": 4}
	for i := range files {
		for j := i; j > 0 && order[files[j].Name] < order[files[j-1].Name]; j-- {
			files[j], files[j-1] = files[j-1], files[j]
		}
	}
}
