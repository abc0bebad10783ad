//go:build cgo && !purego && (linux || darwin)

package ort

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/internal/engine"
	"github.com/astronnx/astronnx/internal/errs"
	"github.com/astronnx/astronnx/internal/testkit"
)

// everyWay runs a plan of one input and one output in each way that a value can come back.
func everyWay(t *testing.T, p engine.Plan, in, want *graph.Tensor) {
	t.Helper()
	check := func(way string, got *graph.Tensor) {
		t.Helper()
		if !got.Equal(want) {
			t.Errorf("%s: got %s %v want %s %v", way, got, got, want, want)
		}
	}
	ins := []*graph.Tensor{in}[:len(p.Inputs())]
	check("plan", run(t, p, ins...)[0])
	s, err := p.NewSession()
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if len(ins) > 0 {
		if err := s.SetInput(0, in); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 {
		if err := s.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		check("session", s.Output(0))
	}
	if want.Kind != graph.TensorKind || want.DType == graph.String {
		return
	}
	given := graph.NewTensor(want.DType, want.Shape...)
	if err := p.Run(t.Context(), ins, []int{0}, []*graph.Tensor{given}); err != nil {
		t.Fatal(err)
	}
	check("in place", given)
	given = graph.NewTensor(want.DType, want.Shape...)
	if err := s.SetOutput(0, given); err != nil {
		t.Fatal(err)
	}
	if err := s.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	check("session in place", given)
}

func TestEveryTypeAndRank(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	types := []graph.DType{graph.Float32, graph.Float64, graph.Float16, graph.BFloat16, graph.Int8, graph.Int16, graph.Int32, graph.Int64,
		graph.Uint8, graph.Uint16, graph.Uint32, graph.Uint64, graph.Bool, graph.String, graph.Float8E4M3FN, graph.Float8E5M2}
	shapes := [][]int64{{}, {1}, {5}, {0}, {2, 0, 3}, {2, 3, 4}, {1, 1, 2, 1, 3, 1, 2, 1, 1, 1, 1, 1, 2}}
	for _, d := range types {
		for _, shape := range shapes {
			t.Run(fmt.Sprint(d, shape), func(t *testing.T) {
				x := graph.NewTensor(d, shape...)
				for i := range x.Raw {
					x.Raw[i] = byte(r.Uint32())
					if d == graph.Bool {
						x.Raw[i] &= 1
					}
				}
				for i := range x.Strings {
					x.Strings[i] = pick(r, "", "nside", "µK_CMB", "a\x00b", strings.Repeat("x", 300))
				}
				ty := graph.TypeOf(x)
				if r.IntN(2) == 0 {
					ty = &graph.Type{DType: d}
				}
				m := oneNode("Identity", nil, ty, ty)
				m.Opsets[""] = 25
				m.IRVersion = 11
				everyWay(t, compile(t, m, engine.Options{}), x, x)
			})
		}
	}
}

// Of the narrowest types ONNX Runtime only has the conversions, and numbers of its own.
func TestNarrowTypes(t *testing.T) {
	for d, raw := range map[graph.DType][]byte{
		graph.Uint4: {0x21, 0x03}, graph.Int4: {0x21, 0x03}, graph.Uint2: {0x39}, graph.Int2: {0x01},
		graph.Float8E8M0: {0x7f, 0x80, 0x81},
	} {
		values := []float32{1, 2, 3}
		switch d {
		case graph.Int2:
			values = []float32{1, 0, 0}
		case graph.Float8E8M0: // powers of two
			values = []float32{1, 2, 4}
		}
		packed := &graph.Tensor{DType: d, Shape: []int64{3}, Raw: raw}
		plain := graph.Vector(values...)
		for _, c := range []struct{ in, out *graph.Tensor }{{packed, plain}, {plain, packed}} {
			m := oneNode("Cast", graph.Attrs{"to": c.out.DType}, graph.TypeOf(c.out), graph.TypeOf(c.in))
			m.Opsets[""], m.IRVersion = 25, 13
			_, err := Engine.Compile(m, engine.Options{Library: testkit.ORT(t)})
			if err != nil && strings.Contains(err.Error(), "tensor(float8e8m0) is not currently registered") {
				continue // a library from before this type
			}
			everyWay(t, compile(t, m, engine.Options{}), c.in, c.out)
		}
	}
}

// ONNX Runtime has no complex numbers: no operator, not even Identity, takes them, and the error says which type it is.
func TestComplexTypesAreRefused(t *testing.T) {
	for _, d := range []graph.DType{graph.Complex64, graph.Complex128} {
		ty := graph.TensorType(d, graph.D(2))
		for what, m := range map[string]*graph.Model{
			"an operator": oneNode("Identity", nil, ty, ty),
			"an input":    oneNode("Size", nil, graph.TensorType(graph.Int64), ty),
			"a constant": model(func(g *graph.Graph) {
				addOutput(g, node(g, "Identity", nil, g.NewConst("c", graph.NewTensor(d, 2))), "y", ty)
			}),
		} {
			p, err := Engine.Compile(m, engine.Options{Library: testkit.ORT(t), Threads: 1})
			if err == nil {
				p.Close()
				t.Errorf("%s of %v: compiled, so a run can be tested", what, d)
				continue
			}
			var e *errs.Error
			if !errors.As(err, &e) || !strings.Contains(err.Error(), fmt.Sprintf("tensor(%v)", d)) || !strings.Contains(e.Hint, "element type") {
				t.Errorf("%s of %v: got %v, want the type and a hint", what, d, err)
			}
		}
	}
}

func TestNoInputs(t *testing.T) {
	m := model(func(g *graph.Graph) {
		y := node(g, "Constant", graph.Attrs{"value": graph.Vector[float32](1, 2)})
		addOutput(g, y, "y", graph.TensorType(graph.Float32, graph.D(2)))
	})
	everyWay(t, compile(t, m, engine.Options{}), nil, graph.Vector[float32](1, 2))
}

func TestDefaultedInput(t *testing.T) {
	m := model(func(g *graph.Graph) {
		x := g.NewInput("x", graph.TensorType(graph.Float32, graph.D(1)))
		b := g.NewConst("b", graph.Vector[float32](10))
		g.Inputs = append(g.Inputs, b)
		addOutput(g, node(g, "Add", nil, x, b), "y", graph.TensorType(graph.Float32, graph.D(1)))
	})
	p := compile(t, m, engine.Options{})
	if in := p.Inputs(); len(in) != 2 || in[0].Optional || !in[1].Optional {
		t.Fatalf("inputs are %v", in)
	}
	x := graph.Vector[float32](1)
	if got := graph.Data[float32](run(t, p, x, nil)[0])[0]; got != 11 {
		t.Errorf("with the default: got %g want 11", got)
	}
	if got := graph.Data[float32](run(t, p, x, x)[0])[0]; got != 2 {
		t.Errorf("with a value: got %g want 2", got)
	}
	s := newSession(t, p)
	must(t, s.SetInput(0, x))
	for _, step := range []struct {
		b    *graph.Tensor
		want float32
	}{{nil, 11}, {x, 2}, {nil, 11}} {
		must(t, s.SetInput(1, step.b))
		must(t, s.Run(t.Context()))
		if got := graph.Data[float32](s.Output(0))[0]; got != step.want {
			t.Errorf("session: got %g want %g", got, step.want)
		}
	}
}

func TestSequences(t *testing.T) {
	f := &graph.Type{DType: graph.Float32}
	seq := &graph.Type{Kind: graph.SequenceKind, Of: f}
	a, b := graph.Vector[float32](1, 2), graph.Vector[float32](3)
	m := model(func(g *graph.Graph) {
		s := g.NewInput("s", seq)
		addOutput(g, node(g, "SequenceInsert", nil, s, g.NewConst("b", b)), "y", seq)
	})
	everyWay(t, compile(t, m, engine.Options{}), graph.Sequence(a), graph.Sequence(a, b))

	text := &graph.Type{Kind: graph.SequenceKind, Of: &graph.Type{DType: graph.String}}
	m = oneNode("Identity", nil, text, text)
	v := graph.Sequence(graph.FromStrings([]string{"a", ""}, 2), graph.FromStrings([]string{"b"}))
	everyWay(t, compile(t, m, engine.Options{}), v, v)
}

func TestOptionals(t *testing.T) {
	f := graph.TensorType(graph.Float32, graph.D(2))
	opt := &graph.Type{Kind: graph.OptionalKind, Of: f}
	has := oneNode("OptionalHasElement", nil, graph.TensorType(graph.Bool), opt)
	x := graph.Vector[float32](1, 2)
	yes := graph.Scalar(true)
	everyWay(t, compile(t, has, engine.Options{}), graph.Optional(x), yes)
	everyWay(t, compile(t, has, engine.Options{}), x, yes)
	same := oneNode("Identity", nil, opt, opt)
	everyWay(t, compile(t, same, engine.Options{}), graph.Optional(x), graph.Optional(x))
	everyWay(t, compile(t, same, engine.Options{}), graph.Optional(nil), graph.Optional(nil))
	everyWay(t, compile(t, has, engine.Options{}), graph.Optional(nil), graph.Scalar(false))

	of := &graph.Type{Kind: graph.OptionalKind, Of: &graph.Type{Kind: graph.SequenceKind, Of: f}}
	everyWay(t, compile(t, oneNode("Identity", nil, of, of), engine.Options{}), graph.Optional(nil), graph.Optional(nil))
	absent := model(func(g *graph.Graph) { addOutput(g, node(g, "Optional", graph.Attrs{"type": of.Of}), "y", of) })
	everyWay(t, compile(t, absent, engine.Options{}), nil, graph.Optional(nil))
}

func TestMaps(t *testing.T) {
	of := &graph.Type{Kind: graph.MapKind, DType: graph.Int64, Of: graph.TensorType(graph.Float32)}
	m := model(func(g *graph.Graph) {
		x := g.NewInput("x", graph.TensorType(graph.Float32, graph.D(1), graph.D(2)))
		y := &graph.Value{Name: "y", Type: &graph.Type{Kind: graph.SequenceKind, Of: of}}
		g.Append(graph.NewNode("ai.onnx.ml", "ZipMap", graph.Attrs{"classlabels_int64s": []int64{7, 9}}, []*graph.Value{x}, []*graph.Value{y}))
		g.Outputs = []*graph.Value{y}
	})
	m.Opsets["ai.onnx.ml"] = 1
	want := &graph.Tensor{Kind: graph.MapKind, Elems: []*graph.Tensor{graph.Vector[int64](7, 9), graph.Vector[float32](1, 2)}}
	everyWay(t, compile(t, m, engine.Options{}), graph.FromSlice([]float32{1, 2}, 1, 2), graph.Sequence(want))

	// And in: keys that a model of scikit-learn would take.
	m = model(func(g *graph.Graph) {
		x := g.NewInput("x", of)
		y := &graph.Value{Name: "y", Type: &graph.Type{DType: graph.Float32}}
		g.Append(graph.NewNode("ai.onnx.ml", "DictVectorizer", graph.Attrs{"int64_vocabulary": []int64{9, 8, 7}}, []*graph.Value{x}, []*graph.Value{y}))
		g.Outputs = []*graph.Value{y}
	})
	m.Opsets["ai.onnx.ml"] = 1
	everyWay(t, compile(t, m, engine.Options{}), want, graph.FromSlice([]float32{2, 0, 1}, 1, 3))
}

// A model may name an output's dimension like one of an input that it does not follow.
func TestWronglyDeclaredShape(t *testing.T) {
	n := graph.Sym("N")
	m := oneNode("NonZero", nil, graph.TensorType(graph.Int64, graph.D(1), n), graph.TensorType(graph.Float32, n))
	p := compile(t, m, engine.Options{})
	for range 3 {
		got := run(t, p, graph.Vector[float32](0, 1, 0, 2))[0]
		if want := graph.FromSlice([]int64{1, 3}, 1, 2); !got.Equal(want) {
			t.Errorf("got %s want %s", got, want)
		}
	}
	if !p.(*plan).sizes[0].wrong.Load() {
		t.Error("the declaration is still believed")
	}
}

func TestSelectedOutputs(t *testing.T) {
	ty := graph.TensorType(graph.Float32, graph.Sym("N"))
	m := model(func(g *graph.Graph) {
		x := g.NewInput("x", ty)
		addOutput(g, node(g, "Abs", nil, x), "abs", ty)
		addOutput(g, node(g, "Neg", nil, x), "neg", ty)
	})
	p := compile(t, m, engine.Options{})
	x := graph.Vector[float32](1, -2)
	into := graph.Vector[float32](0, 0)
	out := []*graph.Tensor{nil, into}
	must(t, p.Run(t.Context(), []*graph.Tensor{x}, []int{1, 0}, out))
	if !out[0].Equal(graph.Vector[float32](-1, 2)) || out[1] != into || !into.Equal(graph.Vector[float32](1, 2)) {
		t.Errorf("got %v %v", graph.Data[float32](out[0]), graph.Data[float32](out[1]))
	}
}

func TestKeepAndFeed(t *testing.T) {
	ty := graph.TensorType(graph.Float32, graph.D(2))
	m := model(func(g *graph.Graph) {
		x, step := g.NewInput("x", ty), g.NewInput("step", ty)
		addOutput(g, node(g, "Add", nil, x, step), "y", ty)
	})
	s := newSession(t, compile(t, m, engine.Options{}))
	must(t, s.SetInput(0, graph.Vector[float32](0, 10)))
	must(t, s.SetInput(1, graph.Vector[float32](1, 2)))
	must(t, s.Keep(0))
	if err := s.Feed(0, 0); !errors.Is(err, errs.Output) {
		t.Errorf("feeding before a run: got %v", err)
	}
	for range 4 {
		must(t, s.Run(t.Context()))
		must(t, s.Feed(0, 0))
	}
	must(t, s.Run(t.Context()))
	if got := s.Output(0); !got.Equal(graph.Vector[float32](5, 20)) {
		t.Errorf("got %v want [5 20]", graph.Data[float32](got))
	}
}

func newSession(t testing.TB, p engine.Plan) engine.Session {
	t.Helper()
	s, err := p.NewSession()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// Large constants are not in the bytes that ONNX Runtime gets.
func TestLargeConstants(t *testing.T) {
	const n = 20000
	big := random(rand.New(rand.NewPCG(9, 9)), n)
	ty := graph.TensorType(graph.Float32, graph.D(n))
	m := model(func(g *graph.Graph) {
		x, c := g.NewInput("x", ty), g.NewInput("c", graph.TensorType(graph.Bool))
		w := g.NewConst("w", big)
		branch := func(name, op string) *graph.Graph {
			s := &graph.Graph{Name: name}
			addOutput(s, node(s, op, nil, x, w), name+"_out", ty)
			return s
		}
		addOutput(g, node(g, "If", graph.Attrs{"then_branch": branch("then", "Add"), "else_branch": branch("else", "Sub")}, c), "y", ty)
		g.Outputs = append(g.Outputs, w)
	})
	data, err := func() ([]byte, error) { rest, w := split(m); defer w.free(); return w.marshal(rest) }()
	must(t, err)
	if len(data) > 1000 {
		t.Errorf("a model with a shared constant has %d bytes", len(data))
	}
	out := run(t, compile(t, m, engine.Options{}), graph.NewTensor(graph.Float32, n), graph.Scalar(true))
	if !out[0].Equal(big) || !out[1].Equal(big) {
		t.Error("a large constant did not arrive")
	}
}
