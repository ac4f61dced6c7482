//go:build limits

package liquid_test

import (
	"context"
	"testing"
	"time"

	bare "github.com/osteele/liquid"

	"github.com/anvilpeering/anvil/prompt/liquid"
)

// A rendering takes at most 1.2 times what the engine takes alone: the fastest of many short turns, one after the
// other, so that what else the machine does strikes both.
func TestLimitRender(t *testing.T) {
	vars := promptValues()
	engine := bare.NewEngine()
	engine.StrictVariables()
	alone, err := engine.ParseString(prompt)
	if err != nil {
		t.Fatal(err)
	}
	tpl := compile(t, prompt)
	fastest := func(least time.Duration, render func() error) time.Duration {
		begin := time.Now()
		for range 50 {
			if err := render(); err != nil {
				t.Fatal(err)
			}
		}
		if took := time.Since(begin); least == 0 || took < least {
			return took
		}
		return least
	}
	var ours, engines time.Duration
	for range 100 {
		ours = fastest(ours, func() error {
			_, err := tpl.Render(context.Background(), vars, nil, liquid.Budget{})
			return err
		})
		engines = fastest(engines, func() error {
			if _, err := alone.RenderString(vars); err != nil {
				return err
			}
			return nil
		})
	}
	ratio := float64(ours) / float64(engines)
	t.Logf("%v, the engine alone %v: %.2f", ours/50, engines/50, ratio)
	if ratio > 1.2 {
		t.Errorf("a rendering takes %.2f times what the engine takes alone", ratio)
	}
}
