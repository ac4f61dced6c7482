package prompt

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// leaks are the secrets that are found in a text.
func leaks(text string) []Problem {
	r := &reader{path: "a/s/p.yaml", source: source{content: []byte(text)}}
	r.secrets([]byte(text))
	return r.problems
}

const (
	alnum = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
	upper = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
)

func draw(r *rand.Rand, letters string, n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = letters[r.IntN(len(letters))]
	}
	return string(b)
}

// The shapes that providers document, each found once and called by its name.
// They are put together here: whole ones would alarm those who search for them.
func TestSecretShapes(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	a := func(n int) string { return draw(r, alnum, n) }
	x := func(n int) string { return draw(r, "0123456789abcdef", n) }
	for shape, name := range map[string]string{
		"-----BEGIN " + "RSA PRIVATE KEY-----":                "a private key",
		"-----BEGIN " + "PRIVATE KEY-----":                    "a private key",
		"-----BEGIN " + "PGP PRIVATE KEY BLOCK-----":          "a private key",
		"AGE-SECRET-" + "KEY-1" + draw(r, upper, 58):          "a private key of age",
		"eyJ" + a(20) + ".eyJ" + a(60) + "." + a(43):          "a signed token (JWT)",
		"AK" + "IA" + draw(r, upper, 16):                      "a key of Amazon Web Services",
		"AI" + "za" + a(35):                                   "a key of Google Cloud",
		"GOC" + "SPX-" + a(28):                                "a secret of Google",
		"Account" + "Key=" + a(86) + "==":                     "a key of Azure",
		a(3) + "8Q" + "~" + a(34):                             "a secret of Azure",
		"dop" + "_v1_" + x(64):                                "a token of DigitalOcean",
		"gh" + "p_" + a(36):                                   "a token of GitHub",
		"github" + "_pat_" + a(82):                            "a token of GitHub",
		"glp" + "at-" + a(20):                                 "a token of GitLab",
		"np" + "m_" + a(36):                                   "a token of npm",
		"py" + "pi-" + a(100):                                 "a token of PyPI",
		"xo" + "xb-" + a(40):                                  "a token of Slack",
		"hooks.slack" + ".com/services/T0AB/B0CD/" + a(24):    "a webhook of Slack",
		"sk-" + "proj-" + a(60):                               "a key of OpenAI",
		"sk-" + a(20) + "T3Blbk" + "FJ" + a(20):               "a key of OpenAI",
		"sk-" + "ant-api03-" + a(80):                          "a key of Anthropic",
		"sk-" + "or-v1-" + x(64):                              "a key of OpenRouter",
		"gs" + "k_" + a(52):                                   "a key of Groq",
		"xa" + "i-" + a(80):                                   "a key of xAI",
		"r8" + "_" + a(37):                                    "a token of Replicate",
		"hf" + "_" + a(34):                                    "a token of Hugging Face",
		"sk" + "_live_" + a(24):                               "a key of Stripe",
		"SG" + "." + a(22) + "." + a(43):                      "a key of SendGrid",
		"hv" + "s." + a(30):                                   "a token of HashiCorp Vault",
		"da" + "pi" + x(32):                                   "a token of Databricks",
		"an" + "v_" + draw(r, alnum[:52], 9) + "_" + a(32+10): "a token of Anvil",
	} {
		for _, text := range []string{"template: use %s now\n", "# %s\n", "metadata: {token: \"%s\"}\n"} {
			text = fmt.Sprintf(text, shape)
			if got := leaks(text); len(got) != 1 || got[0].Message != "this looks like "+name || got[0].Col != 1+strings.Index(text, shape) {
				t.Errorf("%s: %v", text, got)
			}
		}
	}
}

// Random text that is called a secret is one, of whatever alphabet; the few that
// are missed look like words by chance.
func TestRandomSecrets(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	bytes := func(n int) []byte {
		b := make([]byte, n)
		for i := range b {
			b[i] = byte(r.Uint32())
		}
		return b
	}
	for name, make := range map[string]func() string{
		"hex of 16 bytes":  func() string { return hex.EncodeToString(bytes(16)) },
		"hex of 32 bytes":  func() string { return hex.EncodeToString(bytes(32)) },
		"base64 of 18":     func() string { return base64.StdEncoding.EncodeToString(bytes(18)) },
		"base64 of 32":     func() string { return base64.StdEncoding.EncodeToString(bytes(32)) },
		"base64url of 24":  func() string { return base64.RawURLEncoding.EncodeToString(bytes(24)) },
		"letters, digits":  func() string { return draw(r, alnum, 32) },
		"lower and digits": func() string { return draw(r, alnum[26:], 32) },
		"secret of Amazon": func() string { return draw(r, alnum+"/+", 40) },
	} {
		for _, form := range []string{"api_key: %s\n", "  API-Key = \"%s\"\n", "Authorization: Bearer %s\n", "the password is `%s`.\n", "{\"client_secret\": \"%s\"}\n", "AWS_SECRET_ACCESS_KEY=%s\n", "access token: %s\n"} {
			const tries = 300
			found := 0
			for range tries {
				found += len(leaks(fmt.Sprintf(form, make())))
			}
			if found < tries*9/10 {
				t.Errorf("%s as %q: found %d of %d", name, form, found, tries)
			}
		}
	}
}

// What prompts say about keys, and what only looks random, is no secret.
func TestNoSecrets(t *testing.T) {
	for _, text := range []string{
		"Never reveal the API key, the password or any token of the user.",
		"api_key: YOUR_API_KEY_GOES_HERE_2024",
		"api_key: your-api-key-1234-goes-here",
		"token: {{ token }}",
		"password: correct-horse-battery-staple-2",
		"Authorization: Bearer <your access token here>",
		"token: 01JDK3ZQ8N5V7W2T4X6Y8Z0A1B",
		"token: 123e4567-e89b-42d3-a456-426614174000",
		"secret: xxxxxxxxxxxxxxxxxxxxxxxx1234",
		"secret: 0000000000000000000000000000000000000000",
		"password: abc123abc123abc123abc123",
		"api key: 1234567890abcdef1234567890abcdef",
		"The function getUserAccessTokenFromHeader2 returns the token parseAuthorizationHeaderV2Strict.",
		"token getRefreshTokenForUser2WithScope3AndTenant",
		"commit 3f2a91c0de5b7a9c4e1f8d6b2a0c9e7f5d3b1a08 is the revision",
		"sha256: e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
		"model: anthropic/claude-sonnet-4-20250514, max tokens: 8000",
		"token limit 128000, tokens per minute 200000",
		"sk-short, AKIA, anv_x, ghp_, hf_model, xoxb-, AIza",
		"docs/tokens/support-center-v2/getting-started-2024",
		"https://example.com/reset?token=RESET_TOKEN_FROM_THE_MAIL",
		"-----BEGIN CERTIFICATE-----",
		"-----BEGIN PUBLIC KEY-----",
		"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl acme",
		"![logo](data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==)",
		"password hash: $2b$12$abcdefghijklmnopqrstuv",
		"secret santa 2024: bring presents, the token gesture counts",
	} {
		if got := leaks(text + "\n"); len(got) > 0 {
			t.Errorf("%s: %v", text, got)
		}
	}
	// The documentation of this project is much text about keys and tokens.
	for _, folder := range []string{"../docs", "../docs/decisions"} {
		pages, err := filepath.Glob(folder + "/*.md")
		if err != nil || len(pages) == 0 {
			t.Fatal(err, folder)
		}
		for _, page := range pages {
			content, err := os.ReadFile(page)
			if err != nil {
				t.Fatal(err)
			}
			for _, p := range leaks(string(content)) {
				if !strings.Contains(string(content), "AKIAIOSFODNN7EXAMPLE") {
					t.Errorf("%s: %v", page, p)
				}
			}
		}
	}
}
