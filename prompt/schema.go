package prompt

import "embed"

//go:embed schema/*.json
var schemas embed.FS

// Schema returns the JSON Schema (draft-07) of "prompt", "set", "project" or
// "organisation", nil for any other name. The bytes are the caller's own.
func Schema(name string) []byte {
	text, err := schemas.ReadFile("schema/" + name + ".json")
	if err != nil {
		return nil
	}
	return text
}
