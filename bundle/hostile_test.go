package bundle

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
)

const victim = "content/support/triage/classify.yaml"

// TestForge holds the forger to the format: what it makes without being told to
// lie is accepted.
func TestForge(t *testing.T) {
	b := release(t, at.Unix(), small())
	f := forge(b)
	for _, e := range f.entries[4:] {
		if len(deflated(e.content)) < len(e.content) {
			e.method = 8
		}
	}
	got := accepted(t, f.bytes(), expecting(t))
	if !sameContent(got.Content, b.Content) {
		t.Error("the content is not the same")
	}
}

// Every hostile archive here is signed by a key that is trusted, and its sums are
// right: the rule named is the only thing between it and its reader.
func TestHostileArchives(t *testing.T) {
	le := binary.LittleEndian
	var long []byte
	for i := range 400 {
		long = fmt.Appendf(long, "# padding %d that deflates\n", i*i)
	}
	tests := []struct {
		name  string
		rule  string
		kind  error
		spoil func(t *testing.T, f *forged)
	}{
		// Where the archive's parts lie.
		{"bytes before the archive", "zip-layout", ErrFormat, func(_ *testing.T, f *forged) { f.prefix = []byte("#!/bin/sh\nexit\n") }},
		{"bytes before the archive, offsets corrected", "zip-layout", ErrFormat, func(_ *testing.T, f *forged) { f.entries[0].gap = []byte("MZ") }},
		{"bytes after the archive", "zip-end", ErrFormat, func(_ *testing.T, f *forged) { f.suffix = []byte("\n") }},
		{"archive comment", "zip-end", ErrFormat, func(_ *testing.T, f *forged) { f.comment = []byte("hello") }},
		{"comment that is another end record", "zip-layout", ErrFormat, func(_ *testing.T, f *forged) {
			f.comment = append(le.AppendUint32(nil, 0x06054b50), make([]byte, 18)...)
		}},
		{"comment length without a comment", "zip-comment", ErrFormat, func(_ *testing.T, f *forged) { f.end = func(b []byte) { b[20] = 7 } }},
		{"two archives, one after the other", "zip-layout", ErrFormat, func(t *testing.T, f *forged) { f.prefix = forge(release(t, at.Unix()-9, small())).bytes() }},
		{"gap between entries", "zip-layout", ErrFormat, func(t *testing.T, f *forged) { f.entry(t, victim).gap = []byte("x") }},
		{"gap before the directory", "zip-layout", ErrFormat, func(_ *testing.T, f *forged) { f.gap = []byte("x") }},
		{"entry that the directory does not list", "zip-layout", ErrFormat, func(_ *testing.T, f *forged) {
			f.entries = append(f.entries, &forgedEntry{name: "content/support/triage/z.yaml", content: []byte("x"), undeclared: true})
		}},
		{"overlap: two entries share one body", "zip-layout", ErrFormat, func(t *testing.T, f *forged) {
			f.entry(t, "content/support/triage/größe.yaml").offset = ptr(uint32(0))
		}},
		{"quoted overlap: an entry inside of another", "zip-layout", ErrFormat, func(t *testing.T, f *forged) {
			f.entry(t, victim).packedSize = ptr(uint32(400))
			f.entry(t, victim).size = ptr(uint32(400))
		}},
		{"directory in another order than the entries", "zip-layout", ErrFormat, func(_ *testing.T, f *forged) { f.order = []int{0, 1, 2, 3, 5, 4, 6, 7} }},
		{"entry without a header of its own", "zip-layout", ErrFormat, func(t *testing.T, f *forged) { f.entry(t, victim).local = func(b []byte) { b[0] = 'Q' } }},
		{"count in the end record too low", "zip-layout", ErrFormat, func(_ *testing.T, f *forged) { f.end = func(b []byte) { b[8]--; b[10]-- } }},
		{"count in the end record too high", "zip-layout", ErrFormat, func(_ *testing.T, f *forged) { f.end = func(b []byte) { b[8]++; b[10]++ } }},
		{"counts in the end record that differ", "zip-end", ErrFormat, func(_ *testing.T, f *forged) { f.end = func(b []byte) { b[8]-- } }},
		{"end record of a second disk", "zip-end", ErrFormat, func(_ *testing.T, f *forged) { f.end = func(b []byte) { b[4] = 1 } }},
		{"entry on a second disk", "zip-disk", ErrFormat, func(t *testing.T, f *forged) { f.entry(t, victim).central = func(b []byte) { b[34] = 1 } }},
		{"zip64 end record", "zip-zip64", ErrFormat, func(_ *testing.T, f *forged) {
			f.end = func(b []byte) { copy(b[16:], "\xff\xff\xff\xff") }
		}},
		{"zip64 entry", "zip-zip64", ErrFormat, func(t *testing.T, f *forged) { f.entry(t, victim).size = ptr(^uint32(0)) }},
		{"zip64 extra field", "zip-extra", ErrFormat, func(t *testing.T, f *forged) {
			f.entry(t, victim).extra = append([]byte{1, 0, 16, 0}, make([]byte, 16)...)
		}},
		{"directory cut off", "zip-layout", ErrFormat, func(_ *testing.T, f *forged) {
			f.end = func(b []byte) { le.PutUint32(b[12:], le.Uint32(b[12:])-1); le.PutUint32(b[16:], le.Uint32(b[16:])+1) }
		}},

		// What an entry is.
		{"encrypted flag", "zip-flags", ErrFormat, func(t *testing.T, f *forged) {
			f.entry(t, victim).local = func(b []byte) { b[6] |= 1 }
			f.entry(t, victim).central = func(b []byte) { b[8] |= 1 }
		}},
		{"data descriptor", "zip-flags", ErrFormat, func(t *testing.T, f *forged) { f.entry(t, victim).descriptor = true }},
		{"name not flagged as UTF-8", "zip-flags", ErrFormat, func(t *testing.T, f *forged) {
			f.entry(t, victim).local = func(b []byte) { b[7] = 0 }
			f.entry(t, victim).central = func(b []byte) { b[9] = 0 }
		}},
		{"bzip2", "zip-method", ErrFormat, func(t *testing.T, f *forged) { f.entry(t, victim).method = 12 }},
		{"zstd", "zip-method", ErrFormat, func(t *testing.T, f *forged) { f.entry(t, victim).method = 93 }},
		{"AES encryption", "zip-method", ErrFormat, func(t *testing.T, f *forged) { f.entry(t, victim).method = 99 }},
		{"needs a later version", "zip-version", ErrFormat, func(t *testing.T, f *forged) { f.entry(t, victim).central = func(b []byte) { b[6] = 45 } }},
		{"made on MS-DOS", "zip-creator", ErrFormat, func(t *testing.T, f *forged) { f.entry(t, victim).central = func(b []byte) { b[5] = 0 } }},
		{"another date", "zip-date", ErrFormat, func(t *testing.T, f *forged) { f.entry(t, victim).central = func(b []byte) { b[14]++ } }},
		{"internal attributes", "zip-attributes", ErrFormat, func(t *testing.T, f *forged) { f.entry(t, victim).central = func(b []byte) { b[36] = 1 } }},
		{"extra field in the directory", "zip-extra", ErrFormat, func(t *testing.T, f *forged) { f.entry(t, victim).extra = []byte("UT\x05\x00\x01abcd") }},
		{"extra field in the entry", "zip-extra", ErrFormat, func(t *testing.T, f *forged) {
			e := f.entry(t, victim)
			e.localExtra = []byte{0xca, 0xfe, 0, 0}
			e.packedSize = ptr(uint32(len(e.content) + 4))
			e.size = e.packedSize
			e.local = func(b []byte) { // of the true size, so that the extra field reads as part of it
				le.PutUint32(b[18:], uint32(len(e.content)+4))
				le.PutUint32(b[22:], uint32(len(e.content)+4))
			}
		}},
		{"entry comment", "zip-comment", ErrFormat, func(t *testing.T, f *forged) { f.entry(t, victim).comment = []byte("x") }},
		{"symbolic link", "zip-mode", ErrFormat, func(t *testing.T, f *forged) { f.entry(t, victim).mode = 0o120777 }},
		{"setuid", "zip-mode", ErrFormat, func(t *testing.T, f *forged) { f.entry(t, victim).mode = 0o104644 }},
		{"executable", "zip-mode", ErrFormat, func(t *testing.T, f *forged) { f.entry(t, victim).mode = 0o100755 }},
		{"device", "zip-mode", ErrFormat, func(t *testing.T, f *forged) { f.entry(t, victim).mode = 0o020644 }},
		{"named pipe", "zip-mode", ErrFormat, func(t *testing.T, f *forged) { f.entry(t, victim).mode = 0o010644 }},
		{"directory", "zip-mode", ErrFormat, func(t *testing.T, f *forged) { f.entry(t, victim).mode = 0o040755 }},
		{"no type in the mode", "zip-mode", ErrFormat, func(t *testing.T, f *forged) { f.entry(t, victim).mode = 0o644 }},

		// The directory and the entry's own header disagree.
		{"other name in the entry", "zip-header", ErrFormat, func(t *testing.T, f *forged) {
			f.entry(t, victim).localName = strings.ReplaceAll(victim, "classify", "classifx")
		}},
		{"other length of the name in the entry", "zip-header", ErrFormat, func(t *testing.T, f *forged) { f.entry(t, victim).local = func(b []byte) { b[26]++ } }},
		{"other method in the entry", "zip-header", ErrFormat, func(t *testing.T, f *forged) { f.entry(t, victim).localMethod = ptr(uint16(8)) }},
		{"other size in the entry", "zip-header", ErrFormat, func(t *testing.T, f *forged) { f.entry(t, victim).local = func(b []byte) { b[22]++ } }},
		{"other checksum in the entry", "zip-header", ErrFormat, func(t *testing.T, f *forged) { f.entry(t, victim).local = func(b []byte) { b[14]++ } }},
		{"other flags in the entry", "zip-flags", ErrFormat, func(t *testing.T, f *forged) { f.entry(t, victim).local = func(b []byte) { b[6] = 8 } }},

		// Sizes.
		{"wrong checksum", "zip-crc", ErrTampered, func(t *testing.T, f *forged) { f.entry(t, victim).crc = ptr(uint32(1)) }},
		{"stored, with two sizes", "zip-stored", ErrFormat, func(t *testing.T, f *forged) { f.entry(t, victim).size = ptr(uint32(3)) }},
		{"compressed, and larger for it", "zip-deflated", ErrFormat, func(t *testing.T, f *forged) {
			e := f.entry(t, "content/support/project.yaml")
			e.method, e.packed = 8, append([]byte{1, 14, 0, 0xf1, 0xff}, e.content...)
		}},
		{"decompresses to more than declared", "zip-deflated", ErrTooLarge, func(t *testing.T, f *forged) {
			e := f.entry(t, victim)
			e.method, e.packed = 8, deflated(append(bytes.Clone(e.content), long...))
			e.content = append(e.content, long[:len(long)-1]...)
		}},
		{"decompresses to less than declared", "zip-deflated", ErrFormat, func(t *testing.T, f *forged) {
			e := f.entry(t, victim)
			e.method, e.packed = 8, deflated(long[:len(long)-1])
			e.content = long
		}},
		{"not a deflate stream", "zip-deflated", ErrFormat, func(t *testing.T, f *forged) {
			e := f.entry(t, victim)
			e.method, e.packed, e.content = 8, []byte("\xff\xff\xff\xff"), long[:300]
		}},
		{"bytes after the deflate stream", "zip-deflated", ErrFormat, func(t *testing.T, f *forged) {
			e := f.entry(t, victim)
			e.method, e.packed, e.content = 8, append(deflated(long), "smuggled"...), long
		}},
		{"bomb by ratio", "zip-ratio", ErrTooLarge, func(t *testing.T, f *forged) {
			e := f.entry(t, victim)
			e.method, e.content = 8, make([]byte, 1<<20)
		}},
		{"file of more than 1 MiB", "zip-size", ErrTooLarge, func(t *testing.T, f *forged) { f.entry(t, victim).content = make([]byte, 1<<20+1) }},
		{"declared size of 4 GiB", "zip-size", ErrTooLarge, func(t *testing.T, f *forged) { f.entry(t, victim).size = ptr(uint32(0xfffffffe)) }},
		{"manifest of more than 64 KiB", "zip-size", ErrTooLarge, func(_ *testing.T, f *forged) {
			f.entries[0].content = append(f.entries[0].content, bytes.Repeat([]byte{' '}, 64<<10)...)
		}},
		{"signature of more than 4 KiB", "zip-size", ErrTooLarge, func(_ *testing.T, f *forged) { f.entries[1].content = make([]byte, 4<<10+1) }},
		{"sums of more than 16 MiB", "zip-size", ErrTooLarge, func(_ *testing.T, f *forged) { f.entries[2].size = ptr(uint32(16<<20 + 1)) }},

		// The set of entries.
		{"entry that nothing lists", "entries-unlisted", ErrTampered, func(_ *testing.T, f *forged) {
			f.entries = append(f.entries, &forgedEntry{name: "content/support/triage/z.yaml", content: []byte("x")})
		}},
		{"entry that nothing lists, in between", "entries", ErrTampered, func(_ *testing.T, f *forged) {
			f.entries = append(f.entries[:5:5], append([]*forgedEntry{{name: "content/support/extra.yaml", content: []byte("x")}}, f.entries[5:]...)...)
		}},
		{"listed and not there", "entries", ErrTampered, func(_ *testing.T, f *forged) { f.remove(victim) }},
		{"last one listed and not there", "entries-missing", ErrTampered, func(_ *testing.T, f *forged) { f.entries = f.entries[:len(f.entries)-1] }},
		{"same entry twice", "entries", ErrTampered, func(t *testing.T, f *forged) {
			twice := *f.entry(t, victim)
			f.entries = append(f.entries[:7:7], append([]*forgedEntry{&twice}, f.entries[7:]...)...)
		}},
		{"content in another order", "entries", ErrTampered, func(_ *testing.T, f *forged) { f.entries[4], f.entries[5] = f.entries[5], f.entries[4] }},
		{"manifest not first", "entries", ErrFormat, func(_ *testing.T, f *forged) { f.entries[0], f.entries[1] = f.entries[1], f.entries[0] }},
		{"two manifests", "signature", ErrUnsigned, func(_ *testing.T, f *forged) {
			twice := *f.entries[0]
			f.entries = append([]*forgedEntry{&twice}, f.entries...)
		}},
		{"no manifest", "entries", ErrFormat, func(_ *testing.T, f *forged) { f.remove("manifest.json") }},
		{"no signature", "signature", ErrUnsigned, func(_ *testing.T, f *forged) { f.remove("manifest.json.sig") }},
		{"empty signature", "signature", ErrUnsigned, func(_ *testing.T, f *forged) { f.entries[1].content = nil }},
		{"no sums", "entries", ErrFormat, func(_ *testing.T, f *forged) { f.remove("SHA256SUMS") }},
		{"no README", "entries", ErrFormat, func(_ *testing.T, f *forged) { f.remove("README.txt") }},
		{"another README", "readme", ErrFormat, func(_ *testing.T, f *forged) {
			f.entries[3].content = bytes.Replace(f.entries[3].content, []byte("sha256sum --strict"), []byte("true             "), 1)
		}},
		{"resources.json in a release", "entries", ErrTampered, func(_ *testing.T, f *forged) {
			f.entries = append(f.entries[:4:4], append([]*forgedEntry{{name: "resources.json", content: []byte("{}")}}, f.entries[4:]...)...)
		}},
		{"content altered", "content-hash", ErrTampered, func(t *testing.T, f *forged) {
			f.entry(t, victim).content = bytes.ToUpper(f.entry(t, victim).content)
		}},
		{"contents swapped", "content-hash", ErrTampered, func(_ *testing.T, f *forged) {
			f.entries[4].content, f.entries[5].content = f.entries[5].content, f.entries[4].content
		}},
		{"sums altered", "sums-root", ErrTampered, func(_ *testing.T, f *forged) {
			f.entries[2].content = SumContent(changed(small(), map[string][]byte{victim: []byte("x")})).Bytes()
		}},
		{"sums not sorted", "sums-line", ErrFormat, func(_ *testing.T, f *forged) {
			lines := bytes.SplitAfter(f.entries[2].content, []byte("\n"))
			lines[0], lines[1] = lines[1], lines[0]
			f.entries[2].content = bytes.Join(lines, nil)
		}},
	}
	b := release(t, at.Unix(), small())
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			f := forge(b)
			test.spoil(t, f)
			refusedBy(t, f.bytes(), expecting(t), test.kind, test.rule)
		})
	}
}

func refusedBy(t *testing.T, archive []byte, e Expect, kind error, rule string) {
	t.Helper()
	got, err := read(archive, e)
	checkRefusal(t, got, err, kind, rule)
}

func checkRefusal(t *testing.T, got *Bundle, err, kind error, rule string) {
	t.Helper()
	if err == nil {
		t.Fatal("it was accepted")
	}
	if got != nil {
		t.Error("something was returned beside the error")
	}
	var refused *Error
	if !errors.As(err, &refused) {
		t.Fatalf("not a refusal: %v", err)
	}
	if refused.Rule != rule || !errors.Is(err, kind) {
		t.Errorf("refused as %v, rule %q (%v), want %v, rule %q", refused.Kind, refused.Rule, err, kind, rule)
	}
}

// A path that a file system, git or a person could take for another one is
// refused although it is signed and listed.
func TestHostilePaths(t *testing.T) {
	const ok = "content/support/triage/"
	tests := []struct {
		name, path, rule string
	}{
		{"zip slip", "../content/support/a.yaml", "path-hidden"},
		{"zip slip inside", ok + "../../../a.yaml", "path-hidden"},
		{"dot segment", ok + "./a.yaml", "path-hidden"},
		{"absolute", "/content/support/a.yaml", "path-segment"},
		{"empty segment", "content//support/a.yaml", "path-segment"},
		{"trailing slash", ok + "a.yaml/", "path-segment"},
		{"drive", "C:/content/support/a.yaml", "path-character"},
		{"UNC", `\\server\share\a.yaml`, "path-character"},
		{"backslash", `content\support\a.yaml`, "path-character"},
		{"alternate data stream", ok + "a.yaml:b.yaml", "path-character"},
		{"git's folder as a stream", "content/.git::$INDEX_ALLOCATION/a.yaml", "path-character"},
		{"8.3 name", "content/git~1/a.yaml", "path-character"},
		{"home", "content/~/a.yaml", "path-character"},
		{"wildcard", ok + "*.yaml", "path-character"},
		{"NUL", ok + "a\x00.yaml", "path-character"},
		{"newline", ok + "a\n.yaml", "sums-line"},
		{"escape sequence", ok + "\x1b[2Ja.yaml", "path-character"},
		{"right-to-left override", ok + "a\u202elmay.yaml", "path-character"},
		{"zero-width", "content/.g\u200cit/a.yaml", "path-character"},
		{"byte order mark", ok + "\ufeffa.yaml", "path-character"},
		{"soft hyphen", ok + "a\u00adb.yaml", "path-character"},
		{"variation selector", ok + "a\ufe0f.yaml", "path-character"},
		{"Hangul filler", ok + "a\u3164.yaml", "path-character"},
		{"line separator", ok + "a\u2028.yaml", "path-character"},
		{"no-break space", ok + "a\u00a0b.yaml", "path-character"},
		{"private use", ok + "a\ue000.yaml", "path-character"},
		{"not UTF-8", ok + "a\xff.yaml", "path-utf8"},
		{"surrogate", ok + "a\xed\xa0\x80.yaml", "path-utf8"},
		{"overlong slash", "content/support\xc0\xafa.yaml", "path-utf8"},
		{"normal form D", ok + "gro\u0308ße.yaml", "path-normal"},
		{"singleton of normal form C", ok + "\u212b.yaml", "path-normal"},
		{"git's folder", "content/.git/config.yaml", "path-hidden"},
		{"git's folder deeper", "content/support/.git/hooks.yaml", "path-hidden"},
		{"git's folder in capitals", "content/.GIT/config.yaml", "path-hidden"},
		{"hidden file", ok + ".a.yaml", "path-hidden"},
		{"nothing but an extension", ok + ".yaml", "path-hidden"},
		{"gitattributes", "content/support/.gitattributes", "path-hidden"},
		{"gitmodules", "content/.gitmodules", "path-hidden"},
		{"Windows device", ok + "con.yaml", "path-reserved"},
		{"Windows device as a folder", "content/AUX/a.yaml", "path-reserved"},
		{"Windows device with extensions", ok + "nul.tar.yaml", "path-reserved"},
		{"Windows port", ok + "COM1.yaml", "path-reserved"},
		{"Windows port with a superscript", ok + "lpt².yaml", "path-reserved"},
		{"Windows device before a space", ok + "con .yaml", "path-reserved"},
		{"trailing dot", "content/support./a.yaml", "path-edge"},
		{"trailing space", "content/support /a.yaml", "path-edge"},
		{"leading space", ok + " a.yaml", "path-edge"},
		{"other extension", ok + "a.sh", "path-place"},
		{"extension in capitals", ok + "a.YAML", "path-place"},
		{"nested archive", ok + "inner.zip", "path-place"},
		{"nested bundle", ok + "inner.anvil.zip", "path-place"},
		{"the organisation's own file", "content/anvil.yaml", "path-place"},
		{"outside of content", "support/triage/a.yaml", "path-place"},
		{"beside content", "contents/support/a.yaml", "path-place"},
		{"another file at the top", "anvil.yaml", "path-place"},
		{"the manifest again", "manifest.json", "path-place"},
		{"long segment", ok + strings.Repeat("a", 251) + ".yaml", "path-length"},
		{"long path", "content/" + strings.Repeat("abcdefghi/", 51) + "a.yaml", "path-length"},
		{"resources.json in a release", "resources.json", "resources"},

		{"differs by case", ok + "Classify.yaml", "path-collision"},
		{"differs by case in a folder", "content/support/Triage/other.yaml", "path-collision"},
		{"differs by case in the first folder", "content/SUPPORT/other/a.yaml", "path-collision"},
		{"differs by compatibility", ok + "class\u2170fy.yaml", "path-collision"},
		{"ligature", ok + "classi\ufb01.yaml", "path-collision"}, // beside classifi.yaml, see below
		{"sharp s", ok + "GRÖSSE.yaml", "path-collision"},
		{"Kelvin sign, that is a K", ok + "\u212aey.yaml", "path-normal"},
		{"long s folds to s", ok + "claſsify.yaml", "path-collision"},
		{"full width", ok + "ｃlassify.yaml", "path-collision"},
		{"a file where a folder is", "content/support/triage/classify.yaml/a.yaml", "path-clash"},
		{"a file where a folder is, by case", "content/support/triage/CLASSIFY.yaml/a.yaml", "path-collision"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			content := changed(small(), map[string][]byte{
				test.path: []byte("name: evil\n"), ok + "classifi.yaml": []byte("x"),
			})
			b := release(t, at.Unix(), content)
			refusedBy(t, forge(b).bytes(), expecting(t), ErrFormat, test.rule)
			if _, err := Assemble(b.Raw, b.Signature, b.Sums.Bytes(), content, expecting(t)); !errors.Is(err, ErrFormat) {
				t.Errorf("assembled: %v", err)
			}
			if err := Write(new(bytes.Buffer), b); !errors.Is(err, ErrFormat) {
				t.Errorf("written: %v", err)
			}
		})
	}
}

func TestGoodPaths(t *testing.T) {
	for _, path := range []string{
		"resources.json",
		"content/a/project.yaml",
		"content/a/b/_c.yaml",
		"content/a/b/c.d-e_f.yaml",
		"content/größe/日本語/Ελληνικά ς.yaml",
		"content/a/b/console.yaml",
		"content/a/com10/lpt.yaml",
		"content/a/b/" + strings.Repeat("a", 250) + ".yaml",
	} {
		if err := checkPath(path); err != nil {
			t.Error(err)
		}
	}
}

func TestTooManyEntries(t *testing.T) {
	list, f := make([]file, MaxEntries+1), &forged{}
	for i := range list {
		list[i].name = fmt.Sprintf("content/a/b/p%05d.yaml", i)
		f.entries = append(f.entries, &forgedEntry{name: list[i].name})
	}
	open := func(archive []byte) error {
		_, err := openArchive(bytes.NewReader(archive), int64(len(archive)), Limits{}.effective())
		return err
	}
	if err := open(f.bytes()); !errors.Is(err, ErrTooLarge) {
		t.Errorf("one too many: %v", err)
	}
	if err := writeZIP(io.Discard, list); !errors.Is(err, ErrTooLarge) {
		t.Errorf("one too many, written: %v", err)
	}
	var most bytes.Buffer
	if err := writeZIP(&most, list[1:]); err != nil {
		t.Fatal(err)
	}
	if err := open(most.Bytes()); err != nil {
		t.Errorf("as many as there may be: %v", err)
	}
}

// Limits count what is there, and can be lowered.
func TestReaderLimits(t *testing.T) {
	content := small()
	content["content/support/triage/long.yaml"] = bytes.Repeat([]byte("a line that deflates well\n"), 150)
	archive := written(t, release(t, at.Unix(), content))
	tests := []struct {
		name   string
		limits Limits
		rule   string
	}{
		{"entries", Limits{Entries: 8}, "zip-count"},
		{"file", Limits{File: 3000}, "zip-size"},
		{"sums", Limits{Sums: 100}, "zip-size"},
		{"total of the archive", Limits{Total: 1000}, "zip-total"},
		{"total of the content", Limits{Total: int64(len(archive)) + 10}, "zip-total"},
		{"ratio", Limits{Ratio: 2}, "zip-ratio"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			e := expecting(t)
			e.Limits = test.limits
			refusedBy(t, archive, e, ErrTooLarge, test.rule)
		})
	}
	e := expecting(t)
	e.Limits = Limits{Entries: 1 << 30, File: 1 << 40, Sums: 1 << 40, Total: 1 << 50, Ratio: 1 << 30}
	accepted(t, archive, e)
	if e.Limits.effective() != (Limits{}).effective() {
		t.Error("a limit was raised above that of the format")
	}
}

// What compresses better than a reader believes is stored.
func TestWriterKeepsToTheRatio(t *testing.T) {
	content := small()
	content["content/support/triage/zeros.yaml"] = make([]byte, MaxFile)
	archive := written(t, release(t, at.Unix(), content))
	if len(archive) < MaxFile {
		t.Error("it was compressed")
	}
	accepted(t, archive, expecting(t))
}
