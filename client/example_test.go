package client_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"time"

	"github.com/anvilpeering/anvil/client"
)

// An application opens a client when it starts and renders wherever it needs to.
// With ANVIL_URL, ANVIL_TOKEN, ANVIL_TRUST and ANVIL_PROJECT set, the zero Options
// are enough.
func Example() {
	c, err := client.Open(context.Background(), client.Options{
		URLs:    []string{"https://anvil.example.com"},
		Project: "support",
		Cache:   "/var/lib/checkout/anvil",
	})
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()

	out, err := c.Render("support/triage/classify", client.Args{"message": "Where is my parcel?"})
	if err != nil {
		log.Fatal(err)
	}
	for _, m := range out.Messages {
		fmt.Printf("%s: %s\n", m.Role, m.Content)
	}
	fmt.Println("with", out.Model, "of revision", out.Revision)
}

// Prompts that belong together come from one snapshot, so from one revision.
func ExampleClient_Snapshot() {
	var c *client.Client // as in the first example

	s := c.Snapshot()
	for _, address := range []string{"support/triage/classify", "support/reply/polite"} {
		p, err := s.Prompt(address)
		if errors.Is(err, client.ErrNotFound) {
			log.Fatal(err) // its Hint names addresses that look alike
		}
		if _, err := p.Render(client.Args{"message": "Where is my parcel?"}); err != nil {
			log.Fatal(err)
		}
	}
}

// Accept has the last word before a release becomes visible: what this
// application needs and does not find never reaches it.
func ExampleOptions_accept() {
	o := client.Options{
		Project: "support",
		Accept: func(s *client.Snapshot) error {
			p, err := s.Prompt("support/triage/classify")
			if err != nil {
				return err
			}
			for _, q := range p.Parameters {
				if q.Required && q.Name != "message" {
					return fmt.Errorf("%s wants %s, which is not given", p.Address, q.Name)
				}
			}
			return nil
		},
		MaxStale: 24 * time.Hour, // else age is told and never an error
	}
	_, _ = client.Open(context.Background(), o)
}
