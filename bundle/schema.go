package bundle

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"golang.org/x/text/language"
	"golang.org/x/text/message"
)

//go:embed *.schema.json
var schemas embed.FS

// closed is a loader that opens nothing: the library's own follows a $ref to any
// local file.
type closed struct{}

func (closed) Load(url string) (any, error) { return nil, fmt.Errorf("schema %q is not embedded", url) }

// schema is one of the format's schemas, compiled when it is first asked for.
type schema func() (*jsonschema.Schema, error)

var (
	manifestSchema = compiled("manifest")
	envelopeSchema = compiled("envelope")
	payloadSchema  = compiled("payload")

	resourcesSchema = compiled("resources")
)

func compiled(name string) schema {
	return sync.OnceValues(func() (*jsonschema.Schema, error) {
		raw, err := schemas.ReadFile(name + ".schema.json")
		if err != nil {
			return nil, err
		}
		document, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
		if err != nil {
			return nil, err
		}
		id := "urn:anvil:schema:" + name + ":1"
		c := jsonschema.NewCompiler()
		c.UseLoader(closed{})
		c.AssertFormat()
		if err := c.AddResource(id, document); err != nil {
			return nil, err
		}
		return c.Compile(id)
	})
}

// check returns what the schema does not like about a value, or "".
func (s schema) check(value any) (string, error) {
	compiled, err := s()
	if err != nil {
		return "", fmt.Errorf("compile schema: %w", err)
	}
	if err := compiled.Validate(value); err != nil {
		return schemaProblem(err), nil
	}
	return "", nil
}

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
