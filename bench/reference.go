package main

import (
	"fmt"
	"math"
	"os"
	"time"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas32"

	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/healpixop"
	"github.com/astronnx/astronnx/models"
	"github.com/astronnx/astronnx/ops"
	"github.com/astronnx/astronnx/runtime"
)

// reference compares the reference engine with onnxruntime, gonum's BLAS and the pure-Go engines of bench/_peers: all on all cores,
// in turns, with results that agree.
func reference() ([]Row, error) {
	others, err := startPeers()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench: reference: no pure-Go peers:", err)
	}
	defer others.stop()
	var rows []Row
	for _, make := range []func() (*contest, error){
		func() (*contest, error) { return productContest(1024) },
		func() (*contest, error) { return convContest("2-D conv 16→16 3² 128²", 16, 3, 128, 128) },
		func() (*contest, error) { return convContest("2-D conv 64→64 3² 128²", 64, 3, 128, 128) },
		func() (*contest, error) { return convContest("3-D conv 16→16 3³ 32³", 16, 3, 32, 32, 32) },
		func() (*contest, error) { return sphereContest(16, 16) },
	} {
		c, err := make()
		if err != nil {
			return rows, err
		}
		r, err := c.run(others)
		if err != nil {
			return rows, fmt.Errorf("%s: %w", c.name, err)
		}
		rows = append(rows, r...)
	}
	return rows, nil
}

// contest is a computation that everybody does.
type contest struct {
	name    string
	model   *graph.Model
	x       *graph.Tensor
	problem problem
	gonum   func() error // nil: there is no such function
}

func productContest(n int64) (*contest, error) {
	x, w := noise(1, n, n), noise(2, n, n)
	m, err := oneNode("MatMul", nil, x, w)
	general := func(t *graph.Tensor) blas32.General {
		return blas32.General{Rows: int(n), Cols: int(n), Stride: int(n), Data: graph.Data[float32](t)}
	}
	a, b, y := general(x), general(w), general(graph.NewTensor(graph.Float32, n, n))
	return &contest{
		name: fmt.Sprintf("product %d³", n), model: m, x: x,
		problem: problem{Kind: "product", Tensors: []*graph.Tensor{w}},
		gonum:   func() error { blas32.Gemm(blas.NoTrans, blas.NoTrans, 1, a, b, 0, y); return nil },
	}, err
}

func convContest(name string, channels, kernel int64, size ...int64) (*contest, error) {
	x := noise(1, append([]int64{1, channels}, size...)...)
	shape, pads := []int64{channels, channels}, []int64{}
	for range size {
		shape, pads = append(shape, kernel), append(pads, kernel/2, kernel/2)
	}
	w := noise(2, shape...)
	m, err := oneNode("Conv", graph.Attrs{"pads": pads, "kernel_shape": shape[2:]}, x, w)
	return &contest{name: name, model: m, x: x, problem: problem{Kind: "conv", Tensors: []*graph.Tensor{w}}}, err
}

// sphereContest is the NNhealpix network; the peers get its tables of neighbours and its weights, and gather and multiply.
func sphereContest(nside, batch int64) (*contest, error) {
	m, err := models.NNHealpix(models.NNHealpixConfig{Nside: int(nside), Order: "NEST"})
	if err != nil {
		return nil, err
	}
	tensors, err := sphereTensors(m)
	if err != nil {
		return nil, err
	}
	x := noise(1, batch, 1, 12*nside*nside)
	return &contest{name: fmt.Sprintf("NNhealpix nside %d batch %d", nside, batch), model: m, x: x,
		problem: problem{Kind: "sphere", Tensors: tensors}}, nil
}

// neighbourTable is what HealpixNeighbors gives for a HealpixConv, as int32.
func neighbourTable(attrs graph.Attrs) (*graph.Tensor, error) {
	g := &graph.Graph{Name: "table"}
	m := &graph.Model{IRVersion: 8, Opsets: map[string]int64{"": opset, healpixop.Domain: 1}, Graph: g}
	b := ops.NewBuilder(g, ops.Standard().With(healpixop.Set()), m.Opsets)
	g.Outputs = []*graph.Value{b.Op("Cast", graph.Attrs{"to": int64(graph.Int32)}, b.Op(healpixop.Domain+":HealpixNeighbors", attrs))}
	out, err := runOnce(m, ownEngine())
	if err != nil {
		return nil, err
	}
	return out[0], nil
}

func (c *contest) run(others *peers) ([]Row, error) {
	run, stop, err := bound(c.model, ownEngine(), c.x)
	if err != nil {
		return nil, err
	}
	defer stop()
	want, err := runOnce(c.model, ownEngine(), c.x)
	if err != nil {
		return nil, err
	}
	names, turns := []string{""}, []func() (time.Duration, error){timed(run)}
	join := func(name string, turn func() (time.Duration, error)) {
		names, turns = append(names, name), append(turns, turn)
	}
	if ort, stop, err := bound(c.model, runtime.NewConfig().WithEngine("onnxruntime"), c.x); err != nil {
		fmt.Fprintln(os.Stderr, "bench: reference: no onnxruntime:", err)
	} else {
		defer stop()
		join("onnxruntime", timed(ort))
	}
	if c.gonum != nil {
		join("gonum's BLAS", timed(c.gonum))
	}
	for _, name := range others.names() {
		turn, err := others.load(name, c, want[0])
		if err != nil {
			fmt.Fprintf(os.Stderr, "bench: reference: %s: %s: %v\n", c.name, name, err)
			continue
		}
		join(name, turn)
	}
	best, err := takeTurns(4*time.Second, turns)
	if err != nil {
		return nil, err
	}
	var rows []Row
	for i, name := range names[1:] {
		goal := 1.0
		switch name {
		case "onnxruntime":
			goal = 0
		case "gonum's BLAS":
			goal = 3
		}
		rows = append(rows, faster(c.name, best[0], best[i+1], name, goal))
	}
	return rows, nil
}

func ownEngine() runtime.Config {
	return runtime.NewConfig().WithEngine("reference").WithOps(healpixop.Set())
}

func timed(run func() error) func() (time.Duration, error) {
	return func() (time.Duration, error) {
		start := time.Now()
		err := run()
		return time.Since(start), err
	}
}

// takeTurns is fastest of functions that take their own time, at least three rounds of them.
func takeTurns(total time.Duration, turns []func() (time.Duration, error)) ([]time.Duration, error) {
	best := make([]time.Duration, len(turns))
	end := time.Now().Add(total)
	for round := 0; round < 3 || time.Now().Before(end); round++ {
		for i, turn := range turns {
			d, err := turn()
			if err != nil {
				return nil, err
			}
			if best[i] == 0 || d < best[i] {
				best[i] = d
			}
		}
	}
	return best, nil
}

// differ tells how far two results are apart, as a part of the largest value.
func differ(got []float32, want *graph.Tensor) float64 {
	w := graph.Data[float32](want)
	if len(got) != len(w) {
		return math.Inf(1)
	}
	var most, apart float64
	for i, v := range w {
		most = max(most, math.Abs(float64(v)))
		apart = max(apart, math.Abs(float64(v)-float64(got[i])))
	}
	return apart / max(most, 1e-30)
}
