package exchange

import (
	"strings"

	"github.com/anvilpeering/anvil/bundle"
	"github.com/anvilpeering/anvil/prompt"
)

// resources describes the selection as resources.json does.
func (s *Selection) resources() *bundle.Resources {
	r := &bundle.Resources{Cycles: s.Cycles}
	for _, item := range s.Items {
		one := bundle.Resource{Path: contentFolder + item.Path, Kind: item.Kind, Address: item.Address, Carried: item.Carried}
		switch item.Kind {
		case bundle.KindSet:
			set := s.set(item.Address)
			one.ID, one.Version = set.ID, set.Version
			for _, d := range set.Dependencies {
				one.Requires = append(one.Requires, bundle.Requirement{Address: d.Set, Range: d.Range, Version: s.set(d.Set).Version})
			}
		case bundle.KindPrompt, bundle.KindPartial:
			a, err := prompt.ParseAddress(item.Address)
			if err != nil {
				continue // a prompt's address comes from its own
			}
			if p, err := s.tree.Lookup(a); err == nil {
				one.ID = p.ID
			}
			for _, b := range s.tree.Renders(a) {
				one.Requires = append(one.Requires, bundle.Requirement{Address: b.String(), Version: s.set(b.Project + "/" + b.Set).Version})
			}
		}
		r.Resources = append(r.Resources, one)
	}
	for _, a := range s.External {
		r.External = append(r.External, a.String())
	}
	return r
}

// set returns the set in a folder; one that says nothing where there is none.
func (s *Selection) set(folder string) *prompt.Set {
	project, name, _ := strings.Cut(folder, "/")
	if p, ok := s.tree.Project(project); ok {
		for _, set := range p.Sets {
			if set.Name == name {
				return set
			}
		}
	}
	return &prompt.Set{}
}
