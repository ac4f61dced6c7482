package liquid

import (
	"io"
	"strconv"
	"strings"

	engineparser "github.com/osteele/liquid/parser"
	"github.com/osteele/liquid/render"
)

// A leaf is a node without bodies.
type leaf interface {
	render(f *frame, w io.Writer) error
}

// A container is a node with bodies, which it renders as often as it likes.
type container interface {
	bodies() []*body
	renderBlock(f *frame, w io.Writer, b bodies) error
}

// bodies are those of a container, inside the engine's tree.
type bodies struct {
	context render.Context
	nodes   []*render.BlockNode
}

func (b bodies) render(i int, w io.Writer) error { return b.context.RenderBlock(w, b.nodes[i]) }

// frameKey is the only binding that the engine sees: scopes are the frame's.
const frameKey = "frame"

// engine is what all templates share. It is only read once it is made.
var engine = newEngine()

// newEngine registers the three tags of the sources that build writes: {%leaf N%}, and {%block N%} with a {%body%} for
// each of the block's bodies, where N is the place of the node in its template.
func newEngine() *render.Config {
	c := render.NewConfig()
	c.TemplateStore = nil
	c.AddTag("leaf", func(args string) (func(io.Writer, render.Context) error, error) {
		i, err := strconv.Atoi(args)
		return func(w io.Writer, ctx render.Context) error {
			f := ctx.Get(frameKey).(*frame)
			return f.nodes[i].(leaf).render(f, w)
		}, err
	})
	c.AddBlock("block").Clause("body").Compiler(func(n render.BlockNode) (func(io.Writer, render.Context) error, error) {
		i, err := strconv.Atoi(n.Args)
		nodes := n.Clauses
		return func(w io.Writer, ctx render.Context) error {
			f := ctx.Get(frameKey).(*frame)
			return f.nodes[i].(container).renderBlock(f, w, bodies{ctx, nodes})
		}, err
	})
	return &c
}

// A tree is a template as the engine renders it.
type tree struct {
	root  render.Node
	nodes []any // what the engine's tags refer to by index: each a leaf or a container
}

// build compiles a body with the engine.
func build(b *body) (*tree, error) {
	t := &tree{}
	var src strings.Builder
	t.write(&src, b)
	// a path keeps the engine from wrapping an error again at each block that it passes
	root, err := engine.Compile(src.String(), engineparser.SourceLoc{Pathname: "template", LineNo: 1})
	if err != nil {
		return nil, err
	}
	t.root = root
	return t, nil
}

func (t *tree) write(src *strings.Builder, b *body) {
	for _, n := range b.nodes {
		switch n := n.(type) {
		case textNode:
			t.writeText(src, string(n))
		case rawNode:
			t.writeText(src, string(n))
		case container:
			src.WriteString("{%block " + t.add(n) + "%}")
			for _, b := range n.bodies() {
				src.WriteString("{%body%}")
				t.write(src, b)
			}
			src.WriteString("{%endblock%}")
		default:
			src.WriteString("{%leaf " + t.add(n) + "%}")
		}
	}
}

// writeText writes a text as it is, or as a leaf when the engine would see a delimiter in it or at its seam.
func (t *tree) writeText(src *strings.Builder, s string) {
	switch {
	case strings.Contains(s, "{{") || strings.Contains(s, "{%") || strings.HasSuffix(s, "{"):
		src.WriteString("{%leaf " + t.add(verbatim(s)) + "%}")
	default:
		src.WriteString(s)
	}
}

func (t *tree) add(n any) string {
	t.nodes = append(t.nodes, n)
	return strconv.Itoa(len(t.nodes) - 1)
}

// verbatim is text that must not reach the engine's scanner.
type verbatim string

func (v verbatim) render(_ *frame, w io.Writer) error {
	_, err := io.WriteString(w, string(v))
	return err
}
