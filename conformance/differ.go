package conformance

import (
	"errors"
	"fmt"
	"math"

	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/internal/engine"
	"github.com/astronnx/astronnx/internal/engine/reference"
	"github.com/astronnx/astronnx/ops"
)

// Difference is a case, given or grown, on which an engine does not do what the reference engine does.
type Difference struct {
	Op, Case string
	Err      error
}

func (d Difference) String() string { return fmt.Sprintf("%s/%s: %v", d.Op, d.Case, d.Err) }

// Diffed says what [Differ] did.
type Diffed struct {
	Compared    int
	Refused     map[string]string // operator → why the engine compiled none of its cases
	Still       int               // dimensions of cases that do not grow
	Declined    int               // enlarged copies that the engine does not run beside a case that it runs
	Differences []Difference
}

// enginesTolerance is what two right engines may differ by, beyond an operator's own tolerance: sums in another order, and
// transcendental functions to a few units in the last place.
var enginesTolerance = ops.Tolerance{Rel: 2e-5, Abs: 2e-6}

// Differ runs the cases of set's operators and their enlarged copies on e and on the reference engine and compares. What e refuses
// to compile is counted. avoid, unless nil, names cases that must not run: an engine in C can take the process with it.
func Differ(set *ops.Set, e engine.Engine, o engine.Options, avoid func(op, example string) bool) Diffed {
	d := Diffed{Refused: map[string]string{}}
	lib := ops.Standard().With(set)
	o.Ops = set
	for op := range set.All() {
		cases, err := ops.ParseCases(op.Cases)
		if err != nil {
			d.Differences = append(d.Differences, Difference{op.FullName(), "", err})
			continue
		}
		c := &checker{set: lib, op: op, eng: reference.Engine{Set: lib}}
		opset := portableOpset(lib, op)
		ran := false
		for _, example := range cases {
			if avoid != nil && avoid(op.FullName(), example.Name) {
				continue
			}
			if example.Error != "" || example.Opset != 0 && example.Opset < op.Since {
				continue
			}
			at := opset
			if example.Opset != 0 {
				at = example.Opset
			}
			want, err := c.run(example, at, example.In)
			if err != nil {
				continue // Check says so
			}
			err = d.one(c, e, o, example, at, want)
			if r := (*refusal)(nil); errors.As(err, &r) && r.compiling {
				if !ran {
					d.Refused[op.FullName()] = err.Error()
				}
				continue
			}
			if err != nil {
				d.Differences = append(d.Differences, Difference{op.FullName(), example.Name, err})
				continue
			}
			ran = true
			c.grown(example, func(what string, g ops.Case) bool {
				want, err := c.run(g, at, g.In)
				if err != nil {
					return false
				}
				err = d.one(c, e, o, g, at, want)
				if errors.As(err, new(*refusal)) {
					d.Declined++
				} else if err != nil {
					d.Differences = append(d.Differences, Difference{op.FullName(), g.Name + ", " + what, err})
				}
				return true
			})
		}
		if ran {
			delete(d.Refused, op.FullName())
		}
		d.Still += c.refused
	}
	return d
}

// portableOpset is the newest opset of op that engines of some age know, or op's own.
func portableOpset(set *ops.Set, op *ops.Op) int64 {
	if op.Domain != "" {
		return op.Since
	}
	return max(op.Since, min(21, set.LastOpset(op)))
}

// refusal is the error of a model that an engine does not compile or run.
type refusal struct {
	error
	compiling bool
}

func (d *Diffed) one(c *checker, e engine.Engine, o engine.Options, example ops.Case, opset int64, want []*graph.Tensor) error {
	m := example.Model(c.op, opset)
	if c.op.Domain != "" {
		m.Opsets[""] = 21
		if err := c.inferred(m); err != nil {
			return err
		}
		if err := ops.AttachBodies(m, c.set); err != nil {
			return err
		}
	}
	for _, v := range m.Graph.Outputs {
		v.Type = nil
	}
	if err := c.inferred(m); err != nil {
		return err
	}
	for i, v := range m.Graph.Outputs {
		if v.Type == nil {
			v.Type = graph.TypeOf(want[i])
		}
	}
	plan, err := e.Compile(m, o)
	if err != nil {
		return &refusal{err, true}
	}
	defer plan.Close()
	got, err := runPlan(plan, present(example.In))
	if err != nil {
		return &refusal{err, false}
	}
	d.Compared++
	for i, w := range want {
		if err := Compare(got[i], w, scaled(widest(c.op.Exact, enginesTolerance), w)); err != nil {
			return fmt.Errorf("output %d: %w", i, err)
		}
	}
	return nil
}

// scaled lets the absolute tolerance follow the size of a tensor's elements, which bounds the terms of its sums.
func scaled(tol ops.Tolerance, t *graph.Tensor) ops.Tolerance {
	if t.Kind != graph.TensorKind || !t.DType.IsFloat() {
		return tol
	}
	x, err := reals(t)
	if err != nil {
		return tol
	}
	largest := 0.0
	for _, v := range x {
		if a := math.Abs(v); !math.IsInf(v, 0) && a > largest {
			largest = a
		}
	}
	tol.Abs *= max(1, largest)
	return tol
}
