// Package models holds networks as Go functions that return graphs: readable source, and files to start from.
//
// A network's Config is a plain struct whose zero fields mean the defaults named with them. The model that it gives is
// valid ONNX with function bodies, so that any runtime of opset 18 runs it, and carries metadata: what its maps are, in
// the keys that package runtime reads (astronnx.<name>.nside and the like), its name in astronnx.model and the
// configuration, as JSON, in astronnx.config.
package models

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"

	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/healpix"
	"github.com/astronnx/astronnx/healpixop"
	"github.com/astronnx/astronnx/internal/errs"
	"github.com/astronnx/astronnx/ops"
)

const opset = 18

// Unseen marks pixels without data in the maps of these networks, as in healpy.
const Unseen = healpix.Unseen

// net is a network being built.
type net struct {
	*ops.Builder
	m   *graph.Model
	set *ops.Set
}

// newNet starts a network; config is what reproduces it.
func newNet(name, doc string, config any) (*net, error) {
	text, err := json.Marshal(config)
	if err != nil {
		return nil, err
	}
	m := &graph.Model{
		IRVersion: 8, Producer: "astronnx", Doc: doc, Opsets: map[string]int64{"": opset, healpixop.Domain: 1},
		Graph:    &graph.Graph{Name: name},
		Metadata: map[string]string{"astronnx.model": name, "astronnx.config": string(text)},
	}
	set := ops.Standard().With(healpixop.Set())
	return &net{ops.NewBuilder(m.Graph, set, m.Opsets), m, set}, nil
}

// maps describes the maps of an input or output.
type maps struct {
	nside    int
	order    healpix.Order
	unit     string
	columns  string
	coordsys string
	unseen   bool // pixels without data hold Unseen
}

// describe writes metadata for the value name.
func (n *net) describe(name string, d maps) {
	set := func(key, value string) {
		if value != "" {
			n.m.Metadata["astronnx."+name+"."+key] = value
		}
	}
	ordering := d.order.String()
	if d.order == healpix.Nested {
		ordering = "NESTED"
	}
	set("nside", strconv.Itoa(d.nside))
	set("ordering", ordering)
	set("unit", d.unit)
	set("columns", d.columns)
	set("coordsys", d.coordsys)
	if d.unseen {
		set("unseen", strconv.FormatFloat(Unseen, 'g', -1, 64))
	}
}

// output names v as an output with a type.
func (n *net) output(name string, v *graph.Value, dims ...graph.Dim) {
	out := n.Op("Identity", nil, v)
	out.Name, out.Type = name, graph.TensorType(graph.Float32, dims...)
	n.m.Graph.Outputs = append(n.m.Graph.Outputs, out)
}

// finish attaches bodies and verifies.
func (n *net) finish() (*graph.Model, error) {
	if err := ops.Infer(n.m, n.set); err != nil {
		return nil, err
	}
	if err := ops.AttachBodies(n.m, n.set); err != nil {
		return nil, err
	}
	if err := n.m.Verify(); err != nil {
		return nil, err
	}
	return n.m, nil
}

// sphere appends a HEALPix operator.
func (n *net) sphere(op string, attrs graph.Attrs, in ...*graph.Value) *graph.Value {
	return n.Op(healpixop.Domain+":"+op, attrs, in...)
}

// float is a float32 constant.
func (n *net) float(x float64) *graph.Value { return n.Float(graph.Float32, x) }

// weights draws parameters. Equal seeds give equal bits on every machine.
type weights struct{ *rand.Rand }

func newWeights(seed uint64) weights {
	return weights{rand.New(rand.NewPCG(seed, 0x6173_7472_6f6e_6e78))}
}

// glorot returns weights uniform within ±√(6/(in+out)) (Glorot and Bengio 2010), for a unit with that many inputs and
// outputs.
func (w weights) glorot(in, out int, shape ...int64) *graph.Tensor {
	t := graph.NewTensor(graph.Float32, shape...)
	limit := math.Sqrt(6 / float64(in+out))
	x := graph.Data[float32](t)
	for i := range x {
		x[i] = float32((2*w.Float64() - 1) * limit)
	}
	return t
}

// parseOrder reads the order of a configuration.
func parseOrder(s string, nside int) (healpix.Order, error) {
	order, err := healpix.ParseOrder(s)
	if err == nil {
		_, err = healpix.New(nside, order)
	}
	if err != nil {
		return 0, errs.New(errs.Input, "%w", err)
	}
	return order, nil
}

func badConfig(network, format string, args ...any) error {
	return errs.New(errs.Input, "%s: %w", network, fmt.Errorf(format, args...))
}
