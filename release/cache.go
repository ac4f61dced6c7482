package release

import (
	"container/list"
	"sync"

	"github.com/anvilpeering/anvil/gitstore"
)

// artefactKey names an artefact; from is zero for a full bundle.
type artefactKey struct{ to, from gitstore.Hash }

func (k artefactKey) String() string { return k.to.String() + k.from.String() }

// artefacts keeps the artefacts that were asked for last, up to a number of
// bytes. One that alone is larger is not kept.
type artefacts struct {
	limit int64

	mu    sync.Mutex
	bytes int64
	order *list.List // of *keptArtefact, the last used first
	byKey map[artefactKey]*list.Element
}

type keptArtefact struct {
	key artefactKey
	*Artefact
}

// weight counts the bytes that an artefact keeps in memory, roughly.
func (k *keptArtefact) weight() int64 { return int64(len(k.Body)) + 512 }

func newArtefacts(limit int64) *artefacts {
	return &artefacts{limit: limit, order: list.New(), byKey: make(map[artefactKey]*list.Element)}
}

func (s *artefacts) get(key artefactKey) *Artefact {
	s.mu.Lock()
	defer s.mu.Unlock()
	e, ok := s.byKey[key]
	if !ok {
		return nil
	}
	s.order.MoveToFront(e)
	return e.Value.(*keptArtefact).Artefact
}

func (s *artefacts) put(key artefactKey, a *Artefact) {
	k := &keptArtefact{key, a}
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.byKey[key]; ok || k.weight() > s.limit {
		return
	}
	s.byKey[key] = s.order.PushFront(k)
	s.bytes += k.weight()
	for s.bytes > s.limit {
		last := s.order.Back()
		old := s.order.Remove(last).(*keptArtefact)
		delete(s.byKey, old.key)
		s.bytes -= old.weight()
	}
}
