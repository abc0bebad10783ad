package ops

import "github.com/astronnx/astronnx/graph"

// alongAxis copies each line of x along an axis, lets f change the copy and stores it in y, which has x's type and
// shape. Lines run on all cores; f must not share state between them.
func alongAxis[T Real, W float64 | int64 | uint64](c *Call, y, x *graph.Tensor, axis int, f func(line []W)) error {
	xs, ys := graph.Data[T](x), graph.Data[T](y)
	outer, _ := graph.NumElements(x.Shape[:axis])
	size := int(x.Shape[axis])
	stride, _ := graph.NumElements(x.Shape[axis+1:])
	inner := int(stride)
	return Parallel(c, int(outer)*inner, 1+1<<14/max(1, size), func(lo, hi int) error {
		line := make([]W, size)
		for k := lo; k < hi; k++ {
			at := k/inner*inner*size + k%inner
			for i := range line {
				line[i] = W(xs[at+i*inner])
			}
			f(line)
			for i, v := range line {
				ys[at+i*inner] = T(v)
			}
		}
		return nil
	})
}

// floatsAlong is alongAxis of a floating tensor: it returns the result.
func floatsAlong(c *Call, x *graph.Tensor, axis int, f func(line []float64)) (*graph.Tensor, error) {
	y := c.Output(x.DType, x.Shape...)
	switch x.DType {
	case graph.Float32:
		return y, alongAxis[float32](c, y, x, axis, f)
	case graph.Float64:
		return y, alongAxis[float64](c, y, x, axis, f)
	}
	return nil, unsupported(c, x.DType)
}

// matrixed views x as the matrix that operators before opset 13 made of it: the axes before the named one by the rest.
func matrixed(x *graph.Tensor, axis int64) (*graph.Tensor, error) {
	at := len(x.Shape)
	if axis != int64(at) {
		var err error
		if at, err = axisOf(axis, len(x.Shape)); err != nil {
			return nil, err
		}
	}
	rows, _ := graph.NumElements(x.Shape[:at])
	cols, _ := graph.NumElements(x.Shape[at:])
	return withShape(x, []int64{rows, cols}), nil
}

// overAxis serves an operator that works along the axis of its attribute, the last by default.
func overAxis(f func(line []float64)) func(*Call) ([]*graph.Tensor, error) {
	return widened(func(c *Call) ([]*graph.Tensor, error) {
		axis, err := axisOf(c.Node.Attrs.Int("axis", -1), len(c.In[0].Shape))
		if err != nil {
			return nil, err
		}
		y, err := floatsAlong(c, c.In[0], axis, f)
		return []*graph.Tensor{y}, err
	})
}

// overRows is overAxis before opset 13: along the rows of the matrix of [matrixed], whose axis is 1 by default.
func overRows(f func(line []float64)) func(*Call) ([]*graph.Tensor, error) {
	return widened(func(c *Call) ([]*graph.Tensor, error) {
		m, err := matrixed(c.In[0], c.Node.Attrs.Int("axis", 1))
		if err != nil {
			return nil, err
		}
		y, err := floatsAlong(c, m, 1, f)
		if err != nil {
			return nil, err
		}
		return []*graph.Tensor{withShape(y, c.In[0].Shape)}, nil
	})
}

// sameOverAxis infers one output of the first input's type and checks the axis attribute, def by default.
func sameOverAxis(def int64) func(*Inference) ([]*graph.Type, error) {
	return func(c *Inference) ([]*graph.Type, error) {
		t, axis := c.Type(0), c.Node.Attrs.Int("axis", def)
		if t.Rank() >= 0 && (def < 0 || axis != int64(t.Rank())) {
			if _, err := axisOf(axis, t.Rank()); err != nil {
				return nil, err
			}
		}
		return sameAsFirst(c)
	}
}

// axesFrom are the axes from the one of n's attribute on.
func axesFrom(b *Builder, n *graph.Node, def int64) *graph.Value {
	rank := int64(n.In[0].Type.Rank())
	if rank < 0 {
		panic("ops: the gradient of " + n.Op + " needs the rank of its input")
	}
	axis := n.Attrs.Int("axis", def)
	if axis < 0 {
		axis += rank
	}
	axes := []int64{}
	for ; axis < rank; axis++ {
		axes = append(axes, axis)
	}
	return b.Ints(axes...)
}

// sumKept is the sum of v over axes, which keep size 1.
func sumKept(b *Builder, v, axes *graph.Value) *graph.Value {
	return b.Op("ReduceSum", graph.Attrs{"keepdims": 1, "noop_with_empty_axes": 1}, v, axes)
}
