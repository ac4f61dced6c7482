package liquid_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
)

// An answer is what ruby-liquid makes of a template.
type answerOfRuby struct {
	Out       *string  // with lax variables where a variable is undefined; nil when it did not come to that
	Refused   string   // by the strict parser
	Undefined []string // variables
	Errors    []string // all others
	Failed    string   // by the lax parser too, or at all
}

// prints says whether Ruby renders the template without an error.
func (a answerOfRuby) prints() bool { return a.Out != nil && len(a.Errors) == 0 }

func (a answerOfRuby) String() string {
	if a.Out == nil {
		return a.Failed
	}
	return fmt.Sprintf("%q undefined %q errors %q refused %q", *a.Out, a.Undefined, a.Errors, a.Refused)
}

// A question is a template and what is bound.
type question struct {
	Template string            `json:"template"`
	With     map[string]any    `json:"with,omitempty"`
	Partials map[string]string `json:"partials,omitempty"`
}

// askRuby renders templates with ruby-liquid, all in one process.
func askRuby(t testing.TB, questions []question) []answerOfRuby {
	t.Helper()
	needRuby(t)
	var in, failures bytes.Buffer
	encoder := json.NewEncoder(&in)
	encoder.SetEscapeHTML(false)
	for _, q := range questions {
		if q.With != nil {
			q.With = exact(q.With).(map[string]any)
		}
		if err := encoder.Encode(q); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command("ruby", "testdata/oracle.rb")
	cmd.Env = append(os.Environ(), "TZ=UTC", "LC_ALL=C.UTF-8")
	cmd.Stdin, cmd.Stderr = &in, &failures
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("ruby: %v\n%s", err, failures.Bytes())
	}
	answers := make([]answerOfRuby, 0, len(questions))
	lines := bufio.NewScanner(bytes.NewReader(out))
	lines.Buffer(nil, 64<<20)
	for lines.Scan() {
		var a answerOfRuby
		if err := json.Unmarshal(lines.Bytes(), &a); err != nil {
			t.Fatalf("%s: %v", lines.Text(), err)
		}
		answers = append(answers, a)
	}
	if len(answers) != len(questions) {
		t.Fatalf("ruby gave %d answers to %d questions\n%s", len(answers), len(questions), failures.Bytes())
	}
	return answers
}

// exact keeps a decimal number one in JSON, 10.0 too.
func exact(v any) any {
	switch v := v.(type) {
	case float64:
		format := byte('e')
		if v == math.Trunc(v) && math.Abs(v) < 1e15 {
			format = 'f'
		}
		s := strconv.FormatFloat(v, format, -1, 64)
		if format == 'f' {
			s += ".0"
		}
		return json.Number(s)
	case []any:
		out := make([]any, len(v))
		for i, x := range v {
			out[i] = exact(x)
		}
		return out
	case map[string]any:
		out := make(map[string]any, len(v))
		for k, x := range v {
			out[k] = exact(x)
		}
		return out
	}
	return v
}

// needRuby skips a test where there is no ruby-liquid 5.4.0, the version that the cases are compared with.
func needRuby(t testing.TB) {
	t.Helper()
	out, err := exec.Command("ruby", "testdata/oracle.rb", "version").Output()
	if version := strings.TrimSpace(string(out)); err != nil || version != "5.4.0" {
		t.Skipf("SKIPPED: needs ruby with liquid 5.4.0, have %q", version)
	}
}
