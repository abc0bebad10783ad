package conformance

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/internal/engine"
	"github.com/astronnx/astronnx/internal/engine/reference"
	"github.com/astronnx/astronnx/ops"
)

// factors enlarge one dimension at a time: past the width of any vector register, and to sizes that leave every remainder.
var factors = []int64{4, 7, 33}

// maxGrown bounds the elements of a grown input.
const maxGrown = 1 << 16

// grown calls yield with enlarged copies of a case and a description of each. yield returns false where the operator refuses the
// sizes. A dimension grows alone; where that is refused, it grows together with all dimensions of the same size.
func (c *checker) grown(e ops.Case, yield func(what string, e ops.Case) bool) {
	switch {
	case e.Fixed || c.op.Grow == ops.Fixed || e.Error != "":
		return
	case c.op.Grow == ops.BySphere:
		for _, k := range []int64{2, 4} {
			if g, ok := growSphere(e, k); !ok || !yield(fmt.Sprintf("nside×%d", k), g) {
				c.refused++
			}
		}
		return
	}
	tried := map[[2]int64]bool{} // sizes that grew together, with the factor
	for i, t := range e.In {
		if t == nil || t.Kind != graph.TensorKind {
			continue
		}
		for axis, size := range t.Shape {
			for _, k := range factors {
				alone, ok := enlarge(e, func(j, a int) bool { return j == i && a == axis }, k)
				if size == 0 || ok && yield(fmt.Sprintf("input %d axis %d ×%d", i, axis, k), alone) || tried[[2]int64{size, k}] {
					continue
				}
				tried[[2]int64{size, k}] = true
				together, ok := enlarge(e, func(j, a int) bool { return e.In[j].Shape[a] == size }, k)
				if !ok || !yield(fmt.Sprintf("sizes %d ×%d", size, k), together) {
					c.refused++
				}
			}
		}
	}
}

// enlarge multiplies the chosen dimensions of all inputs by k; false if one becomes too large.
func enlarge(e ops.Case, chosen func(input, axis int) bool, k int64) (ops.Case, bool) {
	in := e.In
	e.In = slices.Clone(in)
	for j, t := range in {
		if t == nil || t.Kind != graph.TensorKind {
			continue
		}
		shape, changed := slices.Clone(t.Shape), false
		for a := range shape {
			if chosen(j, a) {
				shape[a] *= k
				changed = true
			}
		}
		if !changed {
			continue
		}
		if n, ok := graph.NumElements(shape); !ok || n > maxGrown {
			return e, false
		}
		e.In[j] = fillLike(t, shape)
	}
	return e, true
}

// fillLike returns a tensor of the given shape with values like t's: floats lie between two of them, others repeat them.
func fillLike(t *graph.Tensor, shape []int64) *graph.Tensor {
	y := graph.NewTensor(t.DType, shape...)
	n := int(t.Len())
	if n == 0 {
		return y
	}
	switch t.DType {
	case graph.Float32:
		mix(graph.Data[float32](y), graph.Data[float32](t))
	case graph.Float64:
		mix(graph.Data[float64](y), graph.Data[float64](t))
	case graph.String:
		for i := range y.Strings {
			y.Strings[i] = t.Strings[i%n]
		}
	default:
		size := t.DType.Bits() / 8
		if size == 0 { // packed
			for i := range y.Raw {
				y.Raw[i] = t.Raw[i%len(t.Raw)]
			}
			return y
		}
		for i := range int(y.Len()) {
			copy(y.Raw[i*size:(i+1)*size], t.Raw[i%n*size:])
		}
	}
	return y
}

// mix fills y with points between two of x, chosen by a fixed sequence that looks random; the first are x itself.
func mix[T float32 | float64](y, x []T) {
	state := uint64(0x9e3779b97f4a7c15)
	next := func() uint64 {
		state ^= state << 13
		state ^= state >> 7
		state ^= state << 17
		return state >> 11
	}
	for i := range y {
		if i < len(x) {
			y[i] = x[i]
			continue
		}
		a, b := float64(x[next()%uint64(len(x))]), float64(x[next()%uint64(len(x))])
		u := float64(next()) / (1 << 53)
		if math.IsInf(a, 0) || math.IsInf(b, 0) || math.IsNaN(a+b) {
			y[i] = T(a)
			continue
		}
		y[i] = T(a + (b-a)*u)
	}
}

// growSphere multiplies nside by k, and by k² every last dimension that holds 12·nside² pixels; false without the attribute nside.
func growSphere(e ops.Case, k int64) (ops.Case, bool) {
	nside := e.Attrs.Int("nside", 0)
	if nside == 0 {
		return e, false
	}
	pixels := 12 * nside * nside
	in := e.In
	e.In, e.Attrs = slices.Clone(in), maps.Clone(e.Attrs)
	e.Attrs["nside"] = nside * k
	for i, t := range in {
		if t == nil || len(t.Shape) == 0 || t.Shape[len(t.Shape)-1] != pixels {
			continue
		}
		shape := slices.Clone(t.Shape)
		shape[len(shape)-1] *= k * k
		e.In[i] = fillLike(t, shape)
	}
	return e, true
}

// growth checks enlarged copies of a case: no panic, what is inferred, kernels of float32 and float64 and of the expansion against
// each other, and gradients.
func (c *checker) growth(e ops.Case, opset int64) {
	c.grown(e, func(what string, g ops.Case) bool {
		g.Name += ", " + what
		got, err := c.run(g, opset, g.In)
		if err != nil {
			if errors.Is(err, reference.ErrPanic) {
				c.errorf("case %s: %w", g.Name, err)
				return true
			}
			return false
		}
		c.grew++
		c.types(g, opset, g.In, got)
		c.agree(g, opset, got)
		if c.differentiable(opset) && !e.Kink {
			c.gradient(g, opset, g.In, grownProbes)
		}
		return true
	})
}

// agree compares the operator's kernel with its expansion, and in float32 with float64.
func (c *checker) agree(e ops.Case, opset int64, got []*graph.Tensor) {
	if c.op.Expand != nil && c.op.Eval != nil {
		m := e.Model(c.op, opset)
		if err := c.inferred(m); err != nil {
			c.errorf("case %s: %w", e.Name, err)
			return
		}
		body, err := runModelBy(c.eng, m, engine.Options{Bodies: true}, present(e.In))
		if err != nil {
			c.errorf("case %s: expansion: %w", e.Name, err)
			return
		}
		for i := range got {
			if err := Compare(body[i], got[i], widest(c.op.Exact, ops.Rounding)); err != nil {
				c.errorf("case %s: expansion, output %d: %w", e.Name, i, err)
			}
		}
	}
	wide, ok := widen(e.In)
	if !ok {
		return
	}
	exact, err := c.run(e, opset, wide)
	if err != nil {
		if errors.Is(err, reference.ErrPanic) {
			c.errorf("case %s in float64: %w", e.Name, err)
		}
		return // some operators look at the width of their elements
	}
	for i, y := range got {
		if y.Kind != graph.TensorKind || y.DType == exact[i].DType {
			continue
		}
		narrow, err := castTo(exact[i], y.DType)
		if err == nil {
			err = Compare(y, narrow, widest(c.op.Exact, ops.Tolerance{Rel: 1e-4, Abs: 1e-5}))
		}
		if err != nil {
			c.errorf("case %s: output %d: float32 against float64: %w", e.Name, i, err)
		}
	}
}

func (c *checker) inferred(m *graph.Model) error {
	return recovered(func() error { return ops.Infer(m, c.set) })
}

func widest(a, b ops.Tolerance) ops.Tolerance {
	return ops.Tolerance{Rel: max(a.Rel, b.Rel), Abs: max(a.Abs, b.Abs)}
}
