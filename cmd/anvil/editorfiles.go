package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"reflect"
	"strings"

	"github.com/anvilpeering/anvil/prompt"
)

// An editorFile is a file that `anvil init` writes for the tools around a folder
// of prompts. It is the person's from then on.
type editorFile struct {
	path    string
	content string
	merge   func(theirs, ours []byte) ([]byte, bool) // nil where nothing can be merged
}

// editorFiles are written below the organisation's folder.
var editorFiles = []editorFile{
	{".vscode/settings.json", vscodeSettings, mergeSettings},
	{".vscode/tasks.json", vscodeTasks, mergeTasks},
	{".editorconfig", editorConfig, nil},
	{".gitattributes", gitAttributes, nil},
	{".gitignore", gitIgnore, nil},
	{preCommitFile, preCommitConfig, nil},
}

const preCommitFile = ".pre-commit-config.yaml"

const vscodeSettings = `{
  "yaml.schemas": {
    "./.anvil/schema/organisation.json": "anvil.yaml",
    "./.anvil/schema/project.json": "*/project.yaml",
    "./.anvil/schema/set.json": "*/*/set.yaml",
    "./.anvil/schema/prompt.json": ["*/*/*.yaml", "!*/*/set.yaml"]
  }
}
`

// vscodeTasks has the problem matchers for what check and watch --problems
// print; a test reads that output with them.
const vscodeTasks = `{
  "version": "2.0.0",
  "tasks": [
    {
      "label": "anvil: check",
      "type": "process",
      "command": "anvil",
      "args": ["check"],
      "group": {"kind": "build", "isDefault": true},
      "problemMatcher": {
        "owner": "anvil",
        "fileLocation": ["relative", "${workspaceFolder}"],
        "pattern": {
          "regexp": "^(.+):(\\d+):(\\d+): (error|warning): (.*) \\[([a-z-]+)\\]$",
          "file": 1, "line": 2, "column": 3, "severity": 4, "message": 5, "code": 6
        }
      }
    },
    {
      "label": "anvil: watch",
      "type": "process",
      "command": "anvil",
      "args": ["watch", "--problems"],
      "isBackground": true,
      "presentation": {"reveal": "silent"},
      "problemMatcher": {
        "owner": "anvil",
        "fileLocation": ["relative", "${workspaceFolder}"],
        "background": {
          "activeOnStart": true,
          "beginsPattern": "^· held files:$",
          "endsPattern": "^· (\\d+) held$"
        },
        "pattern": {
          "regexp": "^(.+):(\\d+):(\\d+): (error|warning): (.*) \\[([a-z-]+)\\]$",
          "file": 1, "line": 2, "column": 3, "severity": 4, "message": 5, "code": 6
        }
      }
    },
    {
      "label": "anvil: test",
      "type": "process",
      "command": "anvil",
      "args": ["test"],
      "group": {"kind": "test", "isDefault": true},
      "problemMatcher": []
    }
  ]
}
`

const editorConfig = `# Prompts. Spaces at the end of a line can be part of a text: anvil fmt knows.
[*.yaml]
charset = utf-8
end_of_line = lf
indent_style = space
indent_size = 2
insert_final_newline = true
trim_trailing_whitespace = false
`

const gitAttributes = `*.yaml text eol=lf
`

// gitIgnore keeps out what is made in the folder for elsewhere: the token that
// anvil connect prints, and bundles.
const gitIgnore = `*.env
*.anvil*.zip
`

const preCommitConfig = `repos:
  - repo: local
    hooks:
      - id: anvil-check
        name: anvil check
        entry: anvil check
        language: system
        files: \.yaml$
        pass_filenames: false
      - id: anvil-fmt
        name: anvil fmt
        entry: anvil fmt --check
        language: system
        files: \.yaml$
        pass_filenames: false
`

// put writes a file that is missing, merges one that can be, and says of any
// other what it lacks. Nothing that somebody wrote is changed or removed. The
// answer is what was done: wrote, merged, kept, or add when it is left to do.
func (f editorFile) put(root string, dry bool) (did string, err error) {
	if err := linkFree(root, f.path); err != nil {
		return "", err
	}
	at := filepath.Join(root, filepath.FromSlash(f.path))
	theirs, err := readRegular(at, prompt.MaxFileSize)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if dry {
			return "wrote", nil
		}
		return "wrote", writeNew(root, filepath.FromSlash(f.path), []byte(f.content))
	case err != nil:
		return "", err
	case hasLines(theirs, []byte(f.content)):
		return "kept", nil
	case f.merge == nil:
		return "add", nil
	}
	merged, ok := f.merge(theirs, []byte(f.content))
	switch {
	case !ok:
		return "add", nil
	case bytes.Equal(merged, theirs):
		return "kept", nil
	case dry:
		return "merged", nil
	}
	return "merged", replaceFile(at, theirs, merged)
}

// hasLines reports whether a file has all lines of another, in their order.
func hasLines(content, wanted []byte) bool {
	lines := strings.Split(strings.ReplaceAll(string(content), "\r\n", "\n"), "\n")
	for want := range strings.Lines(string(wanted)) {
		want = strings.TrimSpace(want)
		if want == "" || strings.HasPrefix(want, "#") {
			continue
		}
		at := 0
		for at < len(lines) && strings.TrimSpace(lines[at]) != want {
			at++
		}
		if at == len(lines) {
			return false
		}
		lines = lines[at+1:]
	}
	return true
}

// mergeSettings adds yaml.schemas to settings that have none. Settings with
// comments are not JSON, and left alone.
func mergeSettings(theirs, ours []byte) ([]byte, bool) {
	const key = "yaml.schemas"
	var have, want map[string]json.RawMessage
	if json.Unmarshal(theirs, &have) != nil || json.Unmarshal(ours, &want) != nil {
		return nil, false
	}
	if _, there := have[key]; there {
		return theirs, contains(have[key], want[key])
	}
	merged := insertLast(theirs, bytes.LastIndexByte(theirs, '}'), len(have) == 0, fmt.Appendf(nil, "  %q: %s", key, want[key]))
	return merged, extends(merged, theirs)
}

// mergeTasks adds the tasks whose labels are missing.
func mergeTasks(theirs, ours []byte) ([]byte, bool) {
	type tasks struct{ Tasks []json.RawMessage }
	var have, want tasks
	if json.Unmarshal(theirs, &have) != nil || json.Unmarshal(ours, &want) != nil || len(have.Tasks) == 0 {
		return nil, false
	}
	label := func(task json.RawMessage) string {
		var named struct{ Label string }
		if json.Unmarshal(task, &named) != nil {
			return ""
		}
		return named.Label
	}
	labels := map[string]bool{}
	for _, t := range have.Tasks {
		labels[label(t)] = true
	}
	last := have.Tasks[len(have.Tasks)-1]
	end := bytes.LastIndex(theirs, last) + len(last)
	var missing []byte
	for _, t := range want.Tasks {
		if !labels[label(t)] {
			missing = append(append(missing, ",\n    "...), t...)
		}
	}
	merged := append(append(bytes.Clone(theirs[:end]), missing...), theirs[end:]...)
	var after tasks
	if json.Unmarshal(merged, &after) != nil || len(after.Tasks) < len(have.Tasks) || !reflect.DeepEqual(after.Tasks[:len(have.Tasks)], have.Tasks) {
		return nil, false
	}
	return merged, true
}

// contains reports whether a JSON object has all keys of another.
func contains(object, wanted json.RawMessage) bool {
	var have, want map[string]json.RawMessage
	if json.Unmarshal(object, &have) != nil || json.Unmarshal(wanted, &want) != nil {
		return false
	}
	for key := range want {
		if _, ok := have[key]; !ok {
			return false
		}
	}
	return true
}

// extends reports whether a JSON object has all values of another, unchanged.
func extends(object, other []byte) bool {
	var have, want map[string]any
	if json.Unmarshal(object, &have) != nil || json.Unmarshal(other, &want) != nil {
		return false
	}
	for key, value := range want {
		if !reflect.DeepEqual(have[key], value) {
			return false
		}
	}
	return true
}

// insertLast puts an item before the bracket that closes an object.
func insertLast(src []byte, closing int, first bool, item []byte) []byte {
	head := bytes.TrimRight(src[:closing], " \t\r\n")
	out := bytes.Clone(head)
	if !first {
		out = append(out, ',')
	}
	out = append(append(append(out, '\n'), item...), '\n')
	return append(out, src[closing:]...)
}
