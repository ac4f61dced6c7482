package prompt

import (
	"bytes"
	"fmt"
	"math"
	"regexp"
	"slices"
)

// secrets are the shapes of credentials that have one. They are conservative: a
// prompt about keys must not be refused.
var secrets = []struct {
	name    string
	marks   []string // of which each has one
	pattern *regexp.Regexp
}{
	{"a private key", []string{"PRIVATE KEY-----", "PRIVATE KEY BLOCK-----"}, regexp.MustCompile(`-----BEGIN (?:[A-Z]+ )*PRIVATE KEY(?: BLOCK)?-----`)},
	{"a private key of age", []string{"AGE-SECRET-KEY-1"}, regexp.MustCompile(`\bAGE-SECRET-KEY-1[0-9A-Z]{58}\b`)},
	{"a signed token (JWT)", []string{".eyJ"}, regexp.MustCompile(`\beyJ[0-9A-Za-z_-]{10,}\.eyJ[0-9A-Za-z_-]{10,}\.[0-9A-Za-z_-]{20,}`)},
	{"a key of Amazon Web Services", []string{"AKIA", "ASIA"}, regexp.MustCompile(`\b(?:AKIA|ASIA)[0-9A-Z]{16}\b`)},
	{"a key of Google Cloud", []string{"AIza"}, regexp.MustCompile(`\bAIza[0-9A-Za-z_-]{35}\b`)},
	{"a secret of Google", []string{"GOCSPX-"}, regexp.MustCompile(`\bGOCSPX-[0-9A-Za-z_-]{28}\b`)},
	{"a key of Azure", []string{"AccountKey="}, regexp.MustCompile(`\bAccountKey=[0-9A-Za-z+/]{80,}`)},
	{"a secret of Azure", []string{"8Q~"}, regexp.MustCompile(`\b[0-9A-Za-z_~.-]{3}8Q~[0-9A-Za-z_~.-]{31,34}`)},
	{"a token of DigitalOcean", []string{"_v1_"}, regexp.MustCompile(`\bdo[opr]_v1_[0-9a-f]{64}\b`)},
	{"a token of GitHub", []string{"ghp_", "gho_", "ghu_", "ghs_", "ghr_"}, regexp.MustCompile(`\bgh[pousr]_[0-9A-Za-z]{36,}\b`)},
	{"a token of GitHub", []string{"github_pat_"}, regexp.MustCompile(`\bgithub_pat_[0-9A-Za-z_]{40,}\b`)},
	{"a token of GitLab", []string{"glpat-"}, regexp.MustCompile(`\bglpat-[0-9A-Za-z_-]{20,}\b`)},
	{"a token of npm", []string{"npm_"}, regexp.MustCompile(`\bnpm_[0-9A-Za-z]{36}\b`)},
	{"a token of PyPI", []string{"pypi-"}, regexp.MustCompile(`\bpypi-[0-9A-Za-z_-]{60,}`)},
	{"a token of Slack", []string{"xox"}, regexp.MustCompile(`\bxox[abeprs]-[0-9A-Za-z-]{20,}\b`)},
	{"a webhook of Slack", []string{"hooks.slack.com/"}, regexp.MustCompile(`\bhooks\.slack\.com/services/T[0-9A-Z]+/B[0-9A-Z]+/[0-9A-Za-z]{20,}`)},
	{"a key of OpenAI", []string{"sk-proj-", "sk-svcacct-", "sk-admin-", "T3BlbkFJ"}, regexp.MustCompile(`\bsk-(?:proj-|svcacct-|admin-)[0-9A-Za-z_-]{40,}|\bsk-[0-9A-Za-z]{20}T3BlbkFJ[0-9A-Za-z]{20}\b`)},
	{"a key of Anthropic", []string{"sk-ant-"}, regexp.MustCompile(`\bsk-ant-[0-9A-Za-z]+-[0-9A-Za-z_-]{40,}`)},
	{"a key of OpenRouter", []string{"sk-or-v1-"}, regexp.MustCompile(`\bsk-or-v1-[0-9a-f]{64}\b`)},
	{"a key of Groq", []string{"gsk_"}, regexp.MustCompile(`\bgsk_[0-9A-Za-z]{40,}\b`)},
	{"a key of xAI", []string{"xai-"}, regexp.MustCompile(`\bxai-[0-9A-Za-z]{60,}\b`)},
	{"a token of Replicate", []string{"r8_"}, regexp.MustCompile(`\br8_[0-9A-Za-z]{37}\b`)},
	{"a token of Hugging Face", []string{"hf_"}, regexp.MustCompile(`\bhf_[0-9A-Za-z]{34,}\b`)},
	{"a key of Stripe", []string{"k_live_"}, regexp.MustCompile(`\b[rs]k_live_[0-9A-Za-z]{20,}\b`)},
	{"a key of SendGrid", []string{"SG."}, regexp.MustCompile(`\bSG\.[0-9A-Za-z_-]{22}\.[0-9A-Za-z_-]{43}\b`)},
	{"a token of HashiCorp Vault", []string{"hvs."}, regexp.MustCompile(`\bhvs\.[0-9A-Za-z_-]{24,}`)},
	{"a token of Databricks", []string{"dapi"}, regexp.MustCompile(`\bdapi[0-9a-f]{32}\b`)},
	{"a token of Anvil", []string{"anv_"}, regexp.MustCompile(`\banv_[0-9A-Za-z]{6,}_[0-9A-Za-z]{30,}\b`)},
}

// secrets reports what looks like a credential.
func (r *reader) secrets(content []byte) {
	const hint = "revoke it if it is real; a prompt's text goes to history and to every client"
	var known [][]int
	for _, s := range secrets {
		if !slices.ContainsFunc(s.marks, func(mark string) bool { return bytes.Contains(content, []byte(mark)) }) {
			continue // far cheaper than the pattern
		}
		for _, m := range s.pattern.FindAllIndex(content, maxProblems) {
			known = append(known, m)
			line, col := positionOf(content, m[0])
			r.report(line, col, ruleSecret, fmt.Sprintf("this looks like %s", s.name), hint)
		}
	}
	for from, to := range runs(content) {
		if r.full() {
			return
		}
		name := named(content[max(0, from-64):from])
		if name == "" || !random(content[from:to]) || slices.ContainsFunc(known, func(m []int) bool { return m[0] < to && from < m[1] }) {
			continue
		}
		line, col := positionOf(content, from)
		r.report(line, col, ruleSecret, fmt.Sprintf("this looks like a secret: random text that is called %q", name), hint)
	}
}

// shortestSecret is the least length of what is taken for random text.
const shortestSecret = 20

// runs yields where the text has that many characters of base 64 in a row.
func runs(content []byte) func(yield func(from, to int) bool) {
	return func(yield func(from, to int) bool) {
		from := 0
		for i := 0; i <= len(content); i++ {
			if i < len(content) && inRun[content[i]] {
				continue
			}
			if i-from >= shortestSecret && !yield(from, i) {
				return
			}
			from = i + 1
		}
	}
}

// inRun are the characters of base 64, in both its alphabets.
var inRun = func() (in [256]bool) {
	for _, c := range []byte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_") {
		in[c] = true
	}
	return in
}()

// naming matches the text before a value that says that it is a secret.
var naming = regexp.MustCompile(`(?i)((?:secret|private|access|api|auth|account|signing|encryption)[ _-]?(?:access[ _-]?)?(?:key|token)|(?:client[ _-]?)?secret|(?:access[ _-]?|refresh[ _-]?)?token|password|passwd|pwd|bearer|credentials?)["'\x60*]*(?: *[:=]+ *| +(?:is|=) +| )(?:bearer +)?["'\x60<(]*$`)

// named returns what the text before a value calls it, when that is a word for
// secrets, else "".
func named(before []byte) string {
	if i := bytes.LastIndexByte(before, '\n'); i >= 0 {
		before = before[i+1:]
	}
	if m := naming.FindSubmatch(before); m != nil {
		return string(m[1])
	}
	return ""
}

// Identifiers that look random and open nothing.
var identifier = regexp.MustCompile(`^(?:[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}|[0-7][0-9A-HJKMNP-TV-Z]{25})$`)

// random tells text that a generator made from words, names and paths: it has
// many different characters (Shannon's entropy), and letters of both cases and
// digits change places far more often than in anything that people write.
func random(text []byte) bool {
	if identifier.Match(text) {
		return false
	}
	var count [256]int
	var kinds [4]int
	changes, last := 0, 0
	for _, c := range text {
		count[c]++
		kind := 0
		switch {
		case c >= 'a' && c <= 'z':
			kind = 1
		case c >= 'A' && c <= 'Z':
			kind = 2
		case c >= '0' && c <= '9':
			kind = 3
		default:
			continue
		}
		kinds[kind]++
		if last != 0 && kind != last && !(last == 2 && kind == 1) {
			changes++ // but from the capital of a word to the rest of it
		}
		last = kind
	}
	entropy, n := 0.0, float64(len(text))
	for _, k := range count {
		if k > 0 {
			share := float64(k) / n
			entropy -= share * math.Log2(share)
		}
	}
	if kinds[3] == 0 || kinds[1]+kinds[2] == 0 {
		return false
	}
	if kinds[1] > 0 && kinds[2] > 0 {
		return entropy >= 3.5 && changes*100 >= 28*len(text)
	}
	return entropy >= 3 && changes*5 >= len(text)
}
