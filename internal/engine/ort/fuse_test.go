//go:build cgo && !purego && (linux || darwin)

package ort

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/healpixop"
	"github.com/astronnx/astronnx/internal/engine"
)

// chain is a convolution with a Relu, a pool or both behind it.
type chain struct {
	conv convCase
	relu bool
	pool graph.Attrs // nil: none
}

func randomChain(r *rand.Rand) chain {
	c := chain{conv: randomConv(r), relu: r.IntN(2) == 0}
	nside := c.conv.attrs["nside"].(int)
	if c.conv.in[5] == nil && (c.conv.in[3] == nil || c.conv.in[3].Shape[0] == c.conv.in[0].Shape[2]) && nside%2 == 0 && r.IntN(4) > 0 {
		c.pool = graph.Attrs{"nside": nside, "order": c.conv.attrs["order"], "mode": pick(r, "max", "avg", "sum")}
		if r.IntN(3) == 0 {
			c.pool["power"] = 0.5
		}
		if nside%4 == 0 && r.IntN(5) == 0 {
			c.pool["factor"] = 4
		}
	}
	return c
}

// model returns the chain as a model; with all, what stands between is an output too.
func (c chain) model(all bool) (*graph.Model, []*graph.Tensor) {
	m, in := c.conv.model()
	g := m.Graph
	y := g.Outputs[0]
	g.Nodes[0].SetOut(1, nil)
	g.Outputs = nil
	behind := func(n *graph.Node) {
		g.Append(n)
		if all {
			g.Outputs = append(g.Outputs, y)
		}
		y = n.Out[0]
	}
	out := func(name string) []*graph.Value {
		return []*graph.Value{{Name: name, Type: &graph.Type{DType: graph.Float32}}}
	}
	if c.relu {
		behind(graph.NewNode("", "Relu", nil, []*graph.Value{y}, out("relu")))
	}
	if c.pool != nil {
		behind(graph.NewNode(healpixop.Domain, "HealpixPool", c.pool, []*graph.Value{y}, out("pool")))
	}
	g.Outputs = append(g.Outputs, y)
	return m, in
}

// fits tells which operators the kernel of the convolution is to take in.
func (c chain) fits() (relu, pool bool) {
	if c.conv.in[3] != nil || c.conv.in[5] != nil {
		return false, false
	}
	pool = c.pool != nil && c.pool["factor"] == nil && (c.pool["mode"] != "max" || c.pool["power"] == nil)
	return c.relu, pool
}

// What is done within the kernel of a convolution is what the nodes behind it would do, to the bit; NaN and infinity too.
func TestFuse(t *testing.T) {
	few := 300
	if raceEnabled {
		few = 30
	}
	r := rand.New(rand.NewPCG(5, 6))
	fused := map[[2]bool]int{}
	for range cases(t, few) {
		c := randomChain(r)
		if x := graph.Data[float32](c.conv.in[0]); r.IntN(4) == 0 {
			x[r.IntN(len(x))], x[r.IntN(len(x))] = float32(math.NaN()), float32(math.Inf(-1))
		}
		name := fmt.Sprint(c.conv.name, c.relu, c.pool)
		m, in := c.model(false)
		p := compile(t, m, engine.Options{Threads: 2})
		got := run(t, p, in...)[0]
		relu, pool := c.fits()
		fused[[2]bool{relu, pool}]++
		left := map[string]int{}
		for _, placed := range p.Report().Placement {
			for op, n := range placed.Ops {
				left[op] += n
			}
		}
		for op, want := range map[string]int{"Relu": count(c.relu && !relu), "HealpixPool": count(c.pool != nil && !pool), "HealpixConv": 1} {
			if left[op] != want {
				t.Fatalf("%s: %d nodes of %s, want %d", name, left[op], op, want)
			}
		}
		must(t, p.Close())
		m, in = c.model(true)
		p = compile(t, m, engine.Options{})
		all := run(t, p, in...)
		must(t, p.Close())
		want := graph.Data[float32](all[len(all)-1])
		for i, v := range graph.Data[float32](got) {
			if v != want[i] && (v == v || want[i] == want[i]) {
				t.Fatalf("%s: element %d is %g, want %g", name, i, v, want[i])
			}
		}
	}
	for _, kind := range [][2]bool{{true, false}, {false, true}, {true, true}, {false, false}} {
		if fused[kind] < few/40 {
			t.Errorf("only %d cases with Relu %t and pool %t", fused[kind], kind[0], kind[1])
		}
	}
}

func count(b bool) int {
	if b {
		return 1
	}
	return 0
}

// What others read too, or from within a branch, stays.
func TestFuseLeaves(t *testing.T) {
	c := chain{relu: true, pool: graph.Attrs{"nside": 2, "order": "RING", "mode": "avg"}}
	c.conv = convCase{attrs: graph.Attrs{"nside": 2, "order": "RING"}}
	c.conv.in[0], c.conv.in[1] = graph.NewTensor(graph.Float32, 1, 1, 48), graph.NewTensor(graph.Float32, 1, 1, 9)
	native := func(*graph.Node) bool { return true }
	m, _ := c.model(false)
	fuse(m, native)
	if n := len(m.Graph.Nodes); n != 1 || m.Graph.Nodes[0].Out[0] != m.Graph.Outputs[0] || m.Graph.Outputs[0].Name != "pool" {
		t.Errorf("%d nodes are left of a chain of three", n)
	}
	m, _ = c.model(false)
	y := m.Graph.Nodes[1].Out[0]
	m.Graph.Append(graph.NewNode("", "Neg", nil, []*graph.Value{y}, []*graph.Value{{Name: "neg"}}))
	fuse(m, native)
	if n := len(m.Graph.Nodes); n != 3 {
		t.Errorf("%d nodes are left where two read the Relu, want the pool, its sister and the convolution", n)
	}
	m, _ = c.model(false)
	branch := &graph.Graph{Outputs: []*graph.Value{m.Graph.Nodes[0].Out[0], m.Graph.Nodes[1].Out[0]}}
	m.Graph.Append(graph.NewNode("", "If", graph.Attrs{"then_branch": branch}, nil, nil))
	fuse(m, native)
	if n := len(m.Graph.Nodes); n != 4 {
		t.Errorf("%d nodes are left where a branch gives what stands between them, want all", n)
	}
	m, _ = c.model(false)
	relu := m.Graph.Nodes[1]
	m.Graph.Nodes = append(m.Graph.Nodes[:1], m.Graph.Nodes[2:]...)
	m.Graph.Append(graph.NewNode("", "If", graph.Attrs{"then_branch": &graph.Graph{Nodes: []*graph.Node{relu}}}, nil, nil))
	fuse(m, native)
	if n := len(m.Graph.Nodes); n != 3 {
		t.Errorf("%d nodes are left where the Relu is a branch's", n)
	}
}
