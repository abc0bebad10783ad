package healpixop_test

import (
	"context"
	"math"
	"slices"
	"testing"

	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/healpixop"
	"github.com/astronnx/astronnx/healpixop/optest"
	"github.com/astronnx/astronnx/internal/engine"
	"github.com/astronnx/astronnx/internal/engine/reference"
	"github.com/astronnx/astronnx/ops"
	"github.com/astronnx/astronnx/train"
)

// withoutRules is the set without gradients of its own, so that train goes through the bodies.
func withoutRules() *ops.Set {
	bare := ops.NewSet(healpixop.Domain)
	for op := range healpixop.Set().All() {
		def := *op
		def.Domain, def.Grad = "", nil
		bare.Define(def)
	}
	return bare
}

// gradientModel returns a model of a case that takes its inputs and dY and gives the gradients of the floating inputs.
func gradientModel(t testing.TB, c optest.Case, set *ops.Set, dy *graph.Tensor) (*graph.Model, []*graph.Tensor) {
	t.Helper()
	c.Dynamic = slices.Clone(c.Dynamic)
	for i, x := range c.In {
		c.Dynamic[i] = x != nil && (c.Dynamic[i] || x.DType.IsFloat())
	}
	m, _, err := c.Model()
	if err != nil {
		t.Fatalf("%s: %v", c, err)
	}
	var xs []*graph.Value
	var in []*graph.Tensor
	for i, x := range c.In {
		if !c.Dynamic[i] {
			continue
		}
		in = append(in, x)
		if x.DType.IsFloat() {
			xs = append(xs, m.Graph.Inputs[len(in)-1])
		}
	}
	seed := m.Graph.NewInput("dy", graph.TypeOf(dy))
	y := m.Graph.Outputs[0]
	grads, err := train.Gradient(m, ops.Standard().With(set), []*graph.Value{y}, []*graph.Value{seed}, xs, nil)
	if err != nil {
		t.Fatalf("%s: %v", c, err)
	}
	m.Graph.Outputs = grads
	return m, append(in, dy)
}

// gradients evaluates the gradients of a case's floating inputs in the reference engine.
func gradients(t *testing.T, c optest.Case, set *ops.Set, dy *graph.Tensor) []*graph.Tensor {
	t.Helper()
	m, in := gradientModel(t, c, set, dy)
	plan, err := reference.Engine{Set: ops.Standard().With(healpixop.Set())}.Compile(m, engine.Options{})
	if err != nil {
		t.Fatalf("%s: %v", c, err)
	}
	defer plan.Close()
	out := make([]*graph.Tensor, len(m.Graph.Outputs))
	if err := plan.Run(context.Background(), in, nil, out); err != nil {
		t.Fatalf("%s: %v", c, err)
	}
	return out
}

func dot(a, b *graph.Tensor) (sum, size float64) {
	for i, x := range float64s(a) {
		sum += x * float64s(b)[i]
		size += math.Abs(x * float64s(b)[i])
	}
	return sum, size
}

// partialSky is every pixel of a grid but some, so that the border is long and holes are at it.
func partialSky(nside int) *graph.Tensor {
	var ids []int64
	for p := range npix(nside) {
		if p%5 != 1 && (p < npix(nside)/3 || p%3 != 0) {
			ids = append(ids, p)
		}
	}
	return graph.Vector(ids...)
}

// TestConvAdjoint: ⟨Conv x, y⟩ = ⟨x, Convᵀ y⟩, and the same in W, in which Conv is linear too.
func TestConvAdjoint(t *testing.T) {
	for _, nside := range []int{1, 2, 4, 8} {
		for _, order := range []string{"NEST", "RING", "XY"} {
			for _, missing := range policies {
				for _, outside := range []string{"", "zero", "center", "renorm"} {
					a := graph.Attrs{"nside": nside, "order": order, "missing": missing, "tap_order": "nnhealpix"}
					in := []*graph.Tensor{normals(2, 2, npix(nside)), normals(3, 2, 9)}
					if outside != "" {
						a["outside"] = outside
						pixels := partialSky(nside)
						in = []*graph.Tensor{normals(2, 2, pixels.Len()), in[1], nil, nil, nil, pixels}
					}
					c := optest.Case{Op: "HealpixConv", Attrs: a, In: in, Dynamic: make([]bool, len(in)), Outputs: 1}
					y := eval(t, "HealpixConv", a, in...)
					dy := optest.NewGen(uint64(nside), graph.Float64).Normal(y.Shape...)
					d := gradients(t, c, healpixop.Set(), dy)
					want, size := dot(y, dy)
					for i, d := range d {
						if got, _ := dot(in[i], d); math.Abs(got-want) > 1e-12*size {
							t.Errorf("%s: input %d: got %v want %v", c, i, got, want)
						}
					}
				}
			}
		}
	}
}

// TestGradientsAreThoseOfBodies compares the rules with differentiated bodies, in which scatters add up.
func TestGradientsAreThoseOfBodies(t *testing.T) {
	g := optest.NewGen(5, graph.Float64)
	bare := withoutRules()
	for range 3 * randomCases(t) { // a third are left out, and policies meet skies in many ways
		c := g.Any()
		if c.Op == "HealpixNeighbors" || !c.In[0].DType.IsFloat() {
			continue
		}
		if c.Op == "HealpixPool" && c.Attrs.Str("mode", "max") == "max" {
			continue // tested below: bodies share dY out among equals
		}
		out, err := c.Eval()
		if err != nil {
			t.Fatal(err)
		}
		dy := g.Normal(out[0].Shape...)
		got, want := gradients(t, c, healpixop.Set(), dy), gradients(t, c, bare, dy)
		if d := optest.Different(got, want, c.Tolerance()); d != "" {
			t.Errorf("%s: %s", c, d)
		}
	}
}

// TestMaxPoolGradient: dY arrives where indices say and nowhere else, whether the node gives them or not.
func TestMaxPoolGradient(t *testing.T) {
	g := optest.NewGen(6, graph.Float64)
	for range randomCases(t) {
		c := g.Pool()
		c.Attrs["mode"], c.Outputs, c.Without = "max", 2, 0
		out, err := c.Eval()
		if err != nil {
			t.Fatal(err)
		}
		dy, x := g.Normal(out[0].Shape...), c.In[0]
		want := graph.NewTensor(graph.Float64, x.Shape...)
		scale := math.Pow(float64(c.Attrs["factor"].(int)), -float64(c.Attrs.Float("power", 0)))
		for i, at := range graph.Data[int64](out[1]) {
			if at >= 0 {
				float64s(want)[i/int(dy.Shape[2])*int(x.Shape[2])+int(at)] = scale * float64s(dy)[i]
			}
		}
		for c.Outputs = 1; c.Outputs <= 2; c.Outputs++ {
			same(t, c.String(), gradients(t, c, healpixop.Set(), dy)[0], want, ops.Tolerance{Rel: 1e-14})
		}
	}
}

// TestSeamGradients compares the whole of Convᵀ with a matrix made of convolved deltas, and says by name where a delta
// beside a seam goes.
func TestSeamGradients(t *testing.T) {
	const nside = 4
	w := graph.NewTensor(graph.Float64, 1, 1, 9)
	for k := range float64s(w) {
		float64s(w)[k] = float64(int64(1) << k)
	}
	p := int(npix(nside))
	for _, missing := range policies {
		a := graph.Attrs{"nside": nside, "missing": missing}
		// As maps of a batch, deltas give the columns of Conv, and of dY the rows.
		deltas := graph.NewTensor(graph.Float64, int64(p), 1, int64(p))
		for i := range p {
			float64s(deltas)[i*p+i] = 1
		}
		columns := float64s(eval(t, "HealpixConv", a, deltas, w))
		c := optest.Case{Op: "HealpixConv", Attrs: a, In: []*graph.Tensor{deltas, w}, Dynamic: make([]bool, 2), Outputs: 1}
		rows := float64s(gradients(t, c, healpixop.Set(), deltas)[0])
		for i := range p {
			for j := range p {
				if got, want := rows[i*p+j], columns[j*p+i]; math.Abs(got-want) > 1e-12*max(1, want) {
					t.Fatalf("%s: of dY at %d, dX at %d: got %v want %v", missing, i, j, got, want)
				}
			}
		}
		if missing != "zero" {
			continue
		}
		// Pixel 15 is the north corner of face 0, where taps N NE NW read the north corners 47 31 63 of the faces that
		// meet at the pole; each pixel of dX bears the weight by which 15 reads it.
		for q, weight := range map[int]float64{47: 1, 31: 2, 63: 8, 15: 16} {
			if got := rows[15*p+q]; got != weight {
				t.Errorf("dY at 15 gives %v at %d, want %v", got, q, weight)
			}
		}
	}
}
