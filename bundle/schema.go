package bundle

import (
	"bytes"
	_ "embed"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"golang.org/x/text/language"
	"golang.org/x/text/message"
)

//go:embed manifest.schema.json
var manifestSchemaJSON []byte

// closed is a loader that opens nothing: the library's own follows a $ref to any
// local file.
type closed struct{}

func (closed) Load(url string) (any, error) { return nil, fmt.Errorf("schema %q is not embedded", url) }

var manifestSchema = sync.OnceValues(func() (*jsonschema.Schema, error) {
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(manifestSchemaJSON))
	if err != nil {
		return nil, err
	}
	const id = "urn:anvil:schema:manifest:1"
	c := jsonschema.NewCompiler()
	c.UseLoader(closed{})
	c.AssertFormat()
	if err := c.AddResource(id, document); err != nil {
		return nil, err
	}
	return c.Compile(id)
})

// schemaProblem says in one line what a schema does not like.
func schemaProblem(err error) string {
	var invalid *jsonschema.ValidationError
	if !errors.As(err, &invalid) {
		return err.Error()
	}
	printer := message.NewPrinter(language.English)
	var problems []string
	var visit func(*jsonschema.ValidationError)
	visit = func(v *jsonschema.ValidationError) {
		for _, cause := range v.Causes {
			visit(cause)
		}
		if len(v.Causes) == 0 {
			at := ""
			if len(v.InstanceLocation) > 0 {
				at = strings.Join(v.InstanceLocation, ".") + ": "
			}
			problems = append(problems, at+v.ErrorKind.LocalizedString(printer))
		}
	}
	visit(invalid)
	slices.Sort(problems)
	return strings.Join(slices.Compact(problems), "; ")
}
