package healpixop

import (
	"fmt"

	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/healpix"
	"github.com/astronnx/astronnx/ops"
)

// checkInput refuses an input whose known element type or rank is another than expected.
func checkInput(c *ops.Inference, i int, name string, d graph.DType, ranks ...int) error {
	t := c.Type(i)
	if t == nil {
		return nil
	}
	if t.Kind != graph.TensorKind {
		return fmt.Errorf("%s is a %s: expected a tensor", name, t.Kind)
	}
	if d != graph.Undefined && t.DType != d && t.DType != graph.Undefined {
		return fmt.Errorf("%s is %s: expected %s", name, t, d)
	}
	if t.Rank() < 0 {
		return nil
	}
	for _, r := range ranks {
		if t.Rank() == r {
			return nil
		}
	}
	return fmt.Errorf("%s is %s: expected rank %s", name, t, ranksText(ranks))
}

func ranksText(ranks []int) string {
	s := fmt.Sprint(ranks[0])
	for _, r := range ranks[1:] {
		s += fmt.Sprintf(" or %d", r)
	}
	return s
}

// checkReal refuses maps of a type that the operators do not compute in.
func checkReal(c *ops.Inference, i int, name string) error {
	switch t := c.Type(i); {
	case t == nil || t.DType == graph.Undefined:
		return nil
	case t.DType == graph.Float32 || t.DType == graph.Float64:
		return nil
	default:
		return fmt.Errorf("%s is %s: expected float32 or float64", name, t)
	}
}

// dim returns a dimension of a type, an unknown one where the type does not say.
func dim(t *graph.Type, i int) graph.Dim {
	if i < t.Rank() {
		return t.Shape[i]
	}
	return graph.Sym("")
}

// agree joins two dimensions that must be equal; what names them in the error.
func agree(a, b graph.Dim, what string, args ...any) (graph.Dim, error) {
	switch {
	case a.Known() && b.Known() && a.Size != b.Size:
		return a, fmt.Errorf("%s: expected %d, got %d", fmt.Sprintf(what, args...), b.Size, a.Size)
	case a.Known():
		return a, nil
	case b.Known() || a.Param == "":
		return b, nil
	}
	return a, nil
}

// pixelDim checks a map's pixel axis against the sky it lives on: the pixels input at position i (negative: there is no
// such input), or all of g.
func pixelDim(c *ops.Inference, got graph.Dim, i int, name string, g healpix.Grid, known bool) (graph.Dim, error) {
	if i >= 0 && c.Has(i) {
		if err := checkInput(c, i, name, graph.Int64, 1); err != nil {
			return got, err
		}
		if t := c.Constant(i); t != nil && known {
			if err := checkPixels(name, graph.Data[int64](t), g); err != nil {
				return got, err
			}
		}
		return agree(got, dim(c.Type(i), 0), "pixels of the map against the length of %s", name)
	}
	if !known {
		return got, nil
	}
	d, err := agree(got, graph.D(int64(g.Npix())), "pixels of the map at %s", g)
	if err != nil && got.Known() {
		if nside, e := healpix.NsideFromNpix(int(got.Size)); e == nil {
			err = fmt.Errorf("%w, which is nside %d", err, nside)
		}
	}
	return d, err
}

// maskDims checks a mask, [P] or [N, 1, P], against the map, and returns the shape of a mask of p pixels like it: [p]
// without one.
func maskDims(c *ops.Inference, i int, n, in, p graph.Dim) ([]graph.Dim, error) {
	if !c.Has(i) {
		return []graph.Dim{p}, nil
	}
	if err := checkInput(c, i, "mask", graph.Bool, 1, 3); err != nil {
		return nil, err
	}
	t := c.Type(i)
	switch t.Rank() {
	case 1:
		_, err := agree(dim(t, 0), in, "pixels of mask against those of the map")
		return []graph.Dim{p}, err
	case 3:
		if _, err := agree(dim(t, 1), graph.D(1), "second dimension of mask"); err != nil {
			return nil, err
		}
		if _, err := agree(dim(t, 2), in, "pixels of mask against those of the map"); err != nil {
			return nil, err
		}
		n, err := agree(dim(t, 0), n, "maps of mask against those of X")
		return []graph.Dim{n, graph.D(1), p}, err
	}
	return nil, nil
}

func boolType(dims []graph.Dim) *graph.Type {
	t := &graph.Type{DType: graph.Bool}
	if dims != nil {
		t.Shape = append([]graph.Dim{}, dims...)
	}
	return t
}

// checkCall checks the inputs of an evaluation by the operator's inference.
func checkCall(c *ops.Call, infer func(*ops.Inference) ([]*graph.Type, error)) error {
	in := &ops.Inference{Node: c.Node, Opset: c.Opset}
	in.In, in.Const = make([]*graph.Type, len(c.In)), make([]*graph.Tensor, len(c.In))
	for i, t := range c.In {
		if t != nil {
			in.In[i] = graph.TypeOf(t)
			if t.DType == graph.Int64 {
				in.Const[i] = t
			}
		}
	}
	_, err := infer(in)
	return err
}
