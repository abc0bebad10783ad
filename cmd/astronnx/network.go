package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/healpix"
	"github.com/astronnx/astronnx/internal/errs"
	"github.com/astronnx/astronnx/internal/onnxio"
	"github.com/astronnx/astronnx/runtime"
)

// network is a model file, and once it is open what executes it.
type network struct {
	file   string
	graph  *graph.Model
	model  *runtime.Model
	need   need
	mask   *graph.Value     // the input that says which pixels hold data; nil if there is none
	pixels *graph.Value     // the input for the pixel numbers of a partial sky; nil if there is none
	gives  map[string]facts // about the outputs
}

// readNetwork loads a model file.
func readNetwork(file string) (*network, error) {
	m, err := onnxio.LoadFile(file, onnxio.Options{})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return &network{file: file, graph: m}, nil
}

// open compiles the network and finds out what it reads. The order is instead where the network does not say it.
func (n *network) open(cfg runtime.Config, instead healpix.Order) error {
	model, err := runtime.Compile(n.graph, cfg)
	if err != nil {
		return fmt.Errorf("%s: %w", n.file, err)
	}
	n.model = model
	if err := n.study(instead); err != nil {
		n.close()
		return err
	}
	return nil
}

func (n *network) close() {
	if n.model != nil {
		_ = n.model.Close() // it was only read from
	}
}

// study finds the input for the map and what it needs.
func (n *network) study(instead healpix.Order) error {
	var others []string
	for i, info := range n.model.Inputs() {
		v := n.graph.Graph.Input(info.Name)
		switch {
		case n.need.input == "" && isMapInput(info.Type):
			if err := n.reads(n.model.Inputs()[i], v, instead); err != nil {
				return err
			}
		case n.mask == nil && info.DType() == graph.Bool:
			n.mask = v
		case n.pixels == nil && info.Name == "pixels" && info.DType() == graph.Int64:
			n.pixels = v
		case !info.Optional:
			others = append(others, info.Name)
		}
	}
	if n.need.input == "" {
		return errs.New(errs.Input, "%s has no input for a map: expected floats of shape (N, C, pixel), got %s", n.file,
			portNames(n.graph.Graph.Inputs))
	}
	if len(others) > 0 {
		return errs.New(errs.Input, "%s also reads %s, which no map gives", n.file, strings.Join(others, ", ")).
			WithHint("run it from Go, or give these inputs a default in the file")
	}
	n.need.masked = n.need.masked || n.mask != nil || detectsUnseen(n.graph)
	n.gives = map[string]facts{}
	for _, info := range n.model.Outputs() {
		f := told(info.Map)
		if f.order == 0 {
			f.order = n.need.order
		}
		n.gives[info.Name] = f
	}
	return nil
}

// isMapInput reports a type that a map fits: (N, C, P) of floats.
func isMapInput(t *graph.Type) bool {
	return t != nil && t.Kind == graph.TensorKind && t.DType.IsFloat() && len(t.Shape) == 3
}

// reads fills in the need of the network from its input for maps.
func (n *network) reads(info runtime.Info, v *graph.Value, instead healpix.Order) error {
	shape := info.Shape()
	n.need = need{input: info.Name, dtype: info.DType(), channels: int(shape[1].Size)}
	if batch := shape[0].Size; batch > 1 {
		return errs.New(errs.Input, "%s reads %d maps at a time, run gives it one", n.file, batch).
			WithHint("export it with a free first dimension")
	}
	f := told(info.Map).inferred(n.graph, v)
	n.need.nside, n.need.order, n.need.masked = f.nside, f.order, f.unseen != nil
	if p := shape[2]; p.Known() {
		nside, err := healpix.NsideFromNpix(int(p.Size))
		switch {
		case err != nil:
			return errs.New(errs.Input, "%s reads %d pixels, which no full sky has", n.file, p.Size)
		case f.nside != 0 && f.nside != nside:
			return errs.New(errs.Invalid, "%s reads %d pixels, nside %d, and says nside %d", n.file, p.Size, nside, f.nside)
		}
		n.need.nside = nside
	}
	switch {
	case n.need.order == 0 && instead == 0:
		return errs.New(errs.Input, "%s does not say whether it reads RING or NESTED maps", n.file).
			WithHint("--network-ordering says it")
	case n.need.order == 0:
		n.need.order = instead
	case instead != 0 && instead != n.need.order:
		return usagef("--network-ordering %s: the network says that it reads %s", orderName(instead), orderName(n.need.order))
	}
	return nil
}

// outputs returns the named outputs of the network, or all.
func (n *network) outputs(names []string) ([]*graph.Value, error) {
	all := n.graph.Graph.Outputs
	if len(names) == 0 {
		return all, nil
	}
	var list []*graph.Value
	for _, name := range names {
		v := n.graph.Graph.Output(name)
		if v == nil {
			return nil, errs.New(errs.Output, "%s has no output %q; it has %s", n.file, name, portNames(all))
		}
		if !slices.Contains(list, v) {
			list = append(list, v)
		}
	}
	return list, nil
}

func portNames(list []*graph.Value) string {
	if len(list) == 0 {
		return "none"
	}
	names := make([]string, len(list))
	for i, v := range list {
		names[i] = v.Name
		if v.Type != nil {
			names[i] += " " + v.Type.String()
		}
	}
	return strings.Join(names, ", ")
}

// mayBeMap reports an output that can turn out to be a map.
func mayBeMap(v *graph.Value) bool {
	t := v.Type
	if t == nil || t.Kind != graph.TensorKind || t.Shape == nil {
		return true
	}
	if len(t.Shape) != 3 {
		return false
	}
	if p := t.Shape[2]; p.Known() {
		_, err := healpix.NsideFromNpix(int(p.Size))
		return err == nil
	}
	return true
}
