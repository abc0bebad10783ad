package train_test

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/ops"
	"github.com/astronnx/astronnx/runtime"
	"github.com/astronnx/astronnx/train"
)

// array is a tensor of testdata/pieces.json.
type array struct {
	Shape []int64   `json:"shape"`
	Data  []float64 `json:"data"`
}

func (a array) tensor() *graph.Tensor { return graph.FromSlice(a.Data, a.Shape...) }

type attrs map[string]any

func (a attrs) float(name string) float64 {
	x, _ := a[name].(float64)
	return x
}

// pieces are losses, optimisers, schedules and clipping as PyTorch 1.13.1 has them, in float64 (testdata/pytorch.py).
type pieces struct {
	Losses []struct {
		Name  string           `json:"name"`
		Attrs attrs            `json:"attrs"`
		In    map[string]array `json:"in"`
		Value float64          `json:"value"`
		Grad  map[string]array `json:"grad"`
	} `json:"losses"`
	Optimisers struct {
		X, T, W, B array
		Runs       []struct {
			Name  string      `json:"name"`
			Attrs attrs       `json:"attrs"`
			W, B  [][]float64 // after each step
		} `json:"runs"`
	} `json:"optimisers"`
	Schedules []struct {
		Name   string    `json:"name"`
		Base   float64   `json:"base"`
		Attrs  attrs     `json:"attrs"`
		Rates  []float64 `json:"rates"`
		Losses []float64 `json:"losses"`
	} `json:"schedules"`
	Clips []struct {
		Kind    string  `json:"kind"`
		Limit   float64 `json:"limit"`
		In, Out []array
	} `json:"clips"`
}

func piecesOf(t *testing.T) (p pieces) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", "pieces.json"))
	if err == nil {
		err = json.Unmarshal(text, &p)
	}
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestLossesOfPyTorch(t *testing.T) {
	for _, c := range piecesOf(t).Losses {
		t.Run(c.Name, func(t *testing.T) {
			weight := 1.0
			var l train.Loss
			outputs, targets := []string{"x"}, []string{"t"}
			switch name, _, _ := strings.Cut(c.Name, " "); {
			case name == "mse":
				l = train.MSE()
			case name == "mae":
				l = train.MAE()
			case name == "huber":
				l = train.Huber(c.Attrs.float("delta"))
			case name == "masked":
				l, targets = train.MaskedMSE(), []string{"t", "mask"}
			case c.Name == "bce logits":
				l = train.BCEWithLogits(weight)
			case c.Name == "bce logits pos_weight":
				l = train.BCEWithLogits(c.In["pos_weight"].Data...)
			case name == "bce":
				l = train.BCE(weight)
			case name == "cross-entropy":
				l = train.CrossEntropy(c.In["weight"].Data...)
			case name == "gaussian":
				l, outputs = train.GaussianNLL(), []string{"x", "var"}
			default:
				t.Fatal("no such loss")
			}
			m := &graph.Model{IRVersion: 8, Opsets: map[string]int64{"": 18, ops.FusedDomain: 1}, Graph: &graph.Graph{}}
			set := ops.Standard().With(ops.Fused())
			b := ops.NewBuilder(m.Graph, set, m.Opsets)
			var out, target []*graph.Value
			var in []*graph.Tensor
			add := func(name string) *graph.Value {
				x := c.In[name].tensor()
				if name == "t" && strings.HasPrefix(c.Name, "cross") {
					classes := graph.NewTensor(graph.Int64, x.Shape...)
					for i, v := range graph.Data[float64](x) {
						graph.Data[int64](classes)[i] = int64(v)
					}
					x = classes
				}
				in = append(in, x)
				return m.Graph.NewInput(name, graph.TypeOf(x))
			}
			var types []*graph.Type
			for _, name := range outputs {
				out = append(out, add(name))
				types = append(types, out[len(out)-1].Type)
			}
			for _, name := range targets {
				target = append(target, add(name))
			}
			want, err := l.Targets(types)
			if err != nil || len(want) != len(targets) {
				t.Fatalf("targets %v, %v", want, err)
			}
			for i, w := range want {
				if !w.Type.Equal(target[i].Type) {
					t.Errorf("target %s is %s want %s", w.Name, w.Type, target[i].Type)
				}
			}
			y := l.Value(b, out, target)
			grads, err := train.Gradient(m, set, []*graph.Value{y}, []*graph.Value{nil}, out, nil)
			if err != nil {
				t.Fatal(err)
			}
			got := evaluate(t, m, append([]*graph.Value{y}, grads...), in...)
			if d := math.Abs(graph.Data[float64](got[0])[0]-c.Value) / max(math.Abs(c.Value), 1e-9); !(d <= 1e-12) {
				t.Errorf("got %v want %v", graph.Data[float64](got[0]), c.Value)
			}
			for i, name := range outputs {
				if d := apart(numbers(got[1+i]), c.Grad[name].Data); !(d <= 1e-12) {
					t.Errorf("gradient of %s: got %v want %v", name, numbers(got[1+i]), c.Grad[name].Data)
				}
			}
		})
	}
}

func TestOptimizersOfPyTorch(t *testing.T) {
	p := piecesOf(t).Optimisers
	for _, run := range p.Runs {
		a := run.Attrs
		rate, decay := a.float("lr"), a.float("weight_decay")
		var o train.Optimizer
		switch name, _, _ := strings.Cut(run.Name, " "); name {
		case "sgd":
			o = train.SGD(rate, decay)
		case "momentum":
			o = train.Momentum(rate, a.float("momentum"), decay)
		case "nesterov":
			o = train.Nesterov(rate, a.float("momentum"), decay)
		case "adam":
			opt := train.AdamOptions{Decay: decay, Epsilon: a.float("eps")}
			if b, ok := a["betas"].([]any); ok {
				opt.Beta1, opt.Beta2 = b[0].(float64), b[1].(float64)
			}
			o = train.AdamWith(rate, opt)
		case "adamw":
			o = train.AdamW(rate, decay)
		case "rmsprop":
			o = train.RMSProp(rate, train.RMSPropOptions{Alpha: a.float("alpha"), Momentum: a.float("momentum")})
		default:
			t.Fatal("no optimiser for ", run.Name)
		}
		for engine, precision := range precisions(t) {
			for _, parts := range []int{1, 2} { // in two halves of the batch the mean of the gradients is the same
				t.Run(run.Name+"/"+engine+map[int]string{2: " accumulated"}[parts], func(t *testing.T) {
					n, x := newNet(3)
					w := n.Param("W", floats(p.W))
					b := n.Param("b", floats(p.B))
					net := n.done(n.Op("Gemm", graph.Attrs{"transB": 1}, x, w, b))
					batch := int(p.X.Shape[0]) / parts
					s, apply, err := train.NewStep(net, train.Config{Loss: train.MSE(), Optimizer: o, Batch: batch, Accumulate: parts, Precision: precision.precision})
					if err != nil {
						t.Fatal(err)
					}
					weights := train.Weights{"W": floats(p.W), "b": floats(p.B)}
					if precision.precision == graph.Float64 {
						weights = train.Weights{"W": p.W.tensor().Clone(), "b": p.B.tensor().Clone()}
					}
					tr, err := train.NewTrainer(s, precision.engine, weights)
					if err != nil {
						t.Fatal(err)
					}
					defer tr.Close()
					var second *train.Trainer
					if apply != nil {
						if second, err = train.NewTrainer(apply, precision.engine, weights); err != nil {
							t.Fatal(err)
						}
						defer second.Close()
					}
					bound := 1e-12
					if precision.precision == graph.Float32 {
						bound = 1e-5
					}
					for step := range run.W {
						values := o.Values(int64(step+1), rate)
						for k := range parts {
							setRows(t, tr, s.Batch[0], p.X, k, parts)
							setRows(t, tr, s.Targets[0].Name, p.T, k, parts)
							now := values
							if second != nil {
								now = nil
							}
							if _, err := tr.Run(0, now...); err != nil {
								t.Fatal(err)
							}
						}
						if second != nil {
							if _, err := second.Run(0, values...); err != nil {
								t.Fatal(err)
							}
							for name, w := range weights {
								if strings.HasSuffix(name, ".gradient") {
									clear(w.Raw)
								}
							}
						}
						if d := max(apart(numbers(weights["W"]), run.W[step]), apart(numbers(weights["b"]), run.B[step])); !(d <= bound) {
							t.Fatalf("step %d: %.2g from PyTorch's parameters", step, d)
						}
					}
				})
			}
		}
	}
}

func floats(a array) *graph.Tensor {
	x := make([]float32, len(a.Data))
	for i, v := range a.Data {
		x[i] = float32(v)
	}
	return graph.FromSlice(x, a.Shape...)
}

// setRows binds part k of the rows of a.
func setRows(t *testing.T, tr *train.Trainer, name string, a array, k, parts int) {
	t.Helper()
	n := len(a.Data) / parts
	part := array{append([]int64{a.Shape[0] / int64(parts)}, a.Shape[1:]...), a.Data[k*n : (k+1)*n]}
	x := floats(part)
	if tr.Step.Model.Graph.Input(name).Type.DType == graph.Float64 {
		x = part.tensor()
	}
	if err := tr.Set(name, x); err != nil {
		t.Fatal(err)
	}
}

func TestSchedulesOfPyTorch(t *testing.T) {
	for _, c := range piecesOf(t).Schedules {
		t.Run(c.Name, func(t *testing.T) {
			a, base := c.Attrs, c.Base
			var s train.Schedule
			switch c.Name {
			case "step":
				s = train.StepDecay(int(a.float("step_size")), a.float("gamma"))
			case "exponential":
				s = train.Exponential(a.float("gamma"))
			case "cosine":
				s = train.Cosine(int(a.float("T_max")), a.float("eta_min"))
			case "warm-up":
				s = train.WarmUp(int64(a.float("total_iters")), a.float("start_factor"), nil)
			case "triangle", "skew triangle":
				s, base = train.Triangular(a.float("base_lr"), int64(a.float("step_size_up")), int64(a.float("step_size_down"))), a.float("max_lr")
			case "plateau", "plateau rest":
				s = train.Plateau(a.float("factor"), int(a.float("patience")), int(a.float("cooldown")), a.float("min_lr"))
			default:
				t.Fatal("no such schedule")
			}
			for i, want := range c.Rates {
				if got := s.Rate(base, train.Clock{Step: int64(i), Steps: 1, Epoch: i}); math.Abs(got-want) > 1e-12*want {
					t.Fatalf("step %d: got %v want %v", i, got, want)
				}
				if o, ok := s.(train.Observer); ok {
					o.Observe(c.Losses[i])
				}
			}
		})
	}
}

func sumLoss(b *ops.Builder, out, _ []*graph.Value) *graph.Value {
	return b.Op("ReduceSum", graph.Attrs{"keepdims": 0}, out[0])
}

// Clipping acts on what the optimiser sees: SGD at rate 1 shows it.
func TestClippingOfPyTorch(t *testing.T) {
	for _, c := range piecesOf(t).Clips {
		m, b, _ := newModel(1)
		m.Graph.Inputs = nil
		x := m.Graph.NewInput("x", graph.TensorType(graph.Float32, graph.Sym("N"), graph.D(1)))
		var terms []*graph.Value
		for i, g := range c.In { // Σ p·g has the gradient g in p
			p := b.Param("p", graph.NewTensor(graph.Float32, g.Shape...))
			terms = append(terms, b.Op("ReduceSum", graph.Attrs{"keepdims": 0}, b.Mul(p, b.Const(floats(g)))))
			if i > 0 {
				terms[0] = b.Add(terms[0], terms[i])
			}
		}
		m.Graph.Outputs = []*graph.Value{b.Add(x, terms[0])}
		sum := train.Loss{Name: "sum", Targets: func([]*graph.Type) ([]train.Target, error) { return nil, nil },
			Value: sumLoss}
		cfg := train.Config{Loss: sum, Optimizer: train.SGD(1, 0), Batch: 1, Precision: graph.Float64}
		if c.Kind == "norm" {
			cfg.ClipNorm = c.Limit
		} else {
			cfg.ClipValue = c.Limit
		}
		s, _, err := train.NewStep(m, cfg)
		if err != nil {
			t.Fatal(err)
		}
		w := train.Weights{}
		tr, err := train.NewTrainer(s, runtime.NewConfig().WithEngine("reference"), w)
		if err != nil {
			t.Fatal(err)
		}
		defer tr.Close()
		if err := tr.Set("x", graph.FromSlice([]float64{0}, 1, 1)); err != nil {
			t.Fatal(err)
		}
		if _, err := tr.Run(0, 1); err != nil {
			t.Fatal(err)
		}
		for i, want := range c.Out {
			got := numbers(w[[]string{"p", "p_1"}[i]])
			for k := range got {
				got[k] = -got[k]
			}
			if d := apart(got, want.Data); !(d <= 1e-7) {
				t.Errorf("%s %g: got %v want %v", c.Kind, c.Limit, got, want.Data)
			}
		}
	}
}
