package main

import (
	"context"
	"fmt"
	"io"
	"math"
	"path/filepath"
	"time"

	"github.com/astronnx/astronnx/dataset"
	"github.com/astronnx/astronnx/export"
	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/healpix/sht"
	"github.com/astronnx/astronnx/models"
	"github.com/astronnx/astronnx/ops"
	"github.com/astronnx/astronnx/runtime"
	"github.com/astronnx/astronnx/sims"
	"github.com/astronnx/astronnx/sky"
	"github.com/astronnx/astronnx/stats"
	"github.com/astronnx/astronnx/train"
)

// What the demo trains on: skies whose spectrum has one peak, at an l drawn from this range (the first test of Krachmalnicoff &
// Tomasi 2019, A&A 628, A129, at a lower resolution and on far fewer skies).
const (
	peakNside         = 8
	peakLow, peakHigh = 5., 20.
	peakJudges        = 256 // skies that judge epochs, and as many that test
	peakEpochs        = 16
)

// demoTraining is what demo says of the network that it trains. Errors are root mean squares in l, over skies not trained on.
type demoTraining struct {
	Network    string         `json:"network"`
	Nside      int            `json:"nside"`
	Parameters int64          `json:"parameters"`
	Skies      int            `json:"skies"`
	Seen       int            `json:"seen_pixels"`
	Seconds    float64        `json:"seconds"`
	History    []trainedEpoch `json:"history"`
	BestEpoch  int            `json:"best_epoch"`
	Tests      int            `json:"test_skies"`
	Constant   float64        `json:"error_constant"`   // of the middle of the range
	Error      float64        `json:"error_network"`    // of the exported file
	Likelihood float64        `json:"error_likelihood"` // of the exact likelihood of the whole sky, which also knows the amplitude
	WMAP       float64        `json:"wmap"`             // l that the network gives for the WMAP map
}

// train trains a network on so many skies to find the peak, exports it and runs the file on the map.
func (d *demonstration) train(ctx context.Context, cfg runtime.Config, m *sky.Map, count int, watch *watch) error {
	net, err := models.NNHealpix(models.NNHealpixConfig{Nside: peakNside, Filters: 16, Outputs: 1})
	if err != nil {
		return err
	}
	f, err := fit(m, need{input: "map", dtype: graph.Float32, channels: 1, nside: peakNside, order: m.Order}, fitting{unseen: "zero", degrade: true})
	if err != nil {
		return err
	}
	standardise(net, f.joint)
	skies := func(n int, seed uint64, seen []bool) (maps, peaks *graph.Tensor, err error) {
		s, err := sims.New(sims.Config{
			Nside: peakNside, Stokes: sims.T, Len: n, Seed: seed, Mask: seen, Params: []sims.Param{{Name: "l_p", Low: peakLow, High: peakHigh}},
			Spectra: func(p []float64) (*sht.Spectra, error) {
				return &sht.Spectra{TT: sims.PeakSpectrum(p[0], 3*peakNside-1)}, nil
			},
		})
		if err != nil {
			return nil, nil, err
		}
		into := []*graph.Tensor{graph.NewTensor(graph.Float32, int64(n), 1, 12*peakNside*peakNside), graph.NewTensor(graph.Float32, int64(n), 1)}
		into[0].Name, into[1].Name = "map", "target"
		return into[0], into[1], s.Read(ctx, upTo(n), into)
	}
	// The network learns numbers of order one; the file gives l.
	scale := export.Output{
		Scale: []float64{(peakHigh - peakLow) / math.Sqrt(12)}, Offset: []float64{(peakHigh + peakLow) / 2},
		Parameters: []export.Parameter{{Name: "l_p", Prior: &[2]float64{peakLow, peakHigh}}},
	}
	var sets [2]dataset.Dataset
	for i, n := range []int{count, peakJudges} {
		maps, peaks, err := skies(n, uint64(i), f.joint)
		if err != nil {
			return err
		}
		targets, err := scale.Normalise(peaks)
		if err != nil {
			return err
		}
		targets.Name = "target"
		if sets[i], err = dataset.Memory(maps, targets); err != nil {
			return err
		}
	}
	fitted := train.New(net, train.MSE(), train.Adam(3e-3))
	report, err := fitted.Run(ctx, sets[0], train.Options{
		Epochs: peakEpochs, Validation: sets[1], Schedule: train.Cosine(peakEpochs, 0), Freeze: []string{"seen*"}, Engine: cfg, Progress: watch.tell,
	})
	if err != nil {
		return err
	}
	r := &demoTraining{
		Network: filepath.Join(d.folder, "peak.onnx"), Nside: peakNside, Parameters: parameters(net), Skies: count, Tests: peakJudges,
		Seconds: report.Elapsed.Seconds(), History: historyOf(report.History), BestEpoch: report.BestEpoch,
	}
	for _, ok := range f.joint {
		if ok {
			r.Seen++
		}
	}
	d.report.Training = r
	tmp, err := d.files.add(r.Network)
	if err != nil {
		return err
	}
	_, err = export.Write(tmp, fitted.Best(), export.Options{
		Outputs: map[string]export.Output{"y": scale}, Engine: cfg,
		Training: &export.Training{Data: "skies with a peak in their spectrum", Samples: int64(count), Epochs: report.BestEpoch + 1, Loss: "mse",
			Value: report.BestLoss},
	})
	if err != nil {
		return err
	}
	picture, err := d.files.add(filepath.Join(d.folder, "loss.png"))
	if err != nil {
		return err
	}
	if err := drawLoss(picture, "finding the peak of a spectrum, nside 8", "mse", report.History); err != nil {
		return err
	}

	file, err := readNetwork(tmp)
	if err != nil {
		return err
	}
	if err := file.open(cfg, 0); err != nil {
		return err
	}
	defer file.close()
	seen, peaks, err := skies(peakJudges, 2, f.joint)
	if err != nil {
		return err
	}
	whole, _, err := skies(peakJudges, 2, nil)
	if err != nil {
		return err
	}
	if err := r.test(ctx, file, seen, whole, graph.Data[float32](peaks)); err != nil {
		return err
	}
	out, _, err := file.execute(ctx, f, file.graph.Graph.Outputs)
	if err != nil {
		return err
	}
	r.WMAP = float64(graph.Data[float32](out[0])[0])
	return nil
}

// upTo are the numbers from 0 to n-1.
func upTo(n int) []int {
	list := make([]int, n)
	for i := range list {
		list[i] = i
	}
	return list
}

// standardise makes a network subtract the mean of the pixels that are seen and divide by their root mean square, so that neither
// units nor amplitudes matter.
func standardise(m *graph.Model, seen []bool) {
	g := m.Graph
	x := g.Input("map")
	b := ops.NewBuilder(g, ops.Standard(), m.Opsets)
	weights := graph.NewTensor(graph.Float32, int64(len(seen)))
	for p, ok := range seen {
		if ok {
			graph.Data[float32](weights)[p] = 1
		}
	}
	w := b.Param("seen", weights)
	n := b.Op("ReduceSum", nil, w)
	first := b.Mul(x, w)
	mean := b.Div(b.Op("ReduceSum", nil, first, b.Ints(2)), n)
	centred := b.Mul(b.Sub(first, mean), w)
	variance := b.Div(b.Op("ReduceSum", nil, b.Mul(centred, centred), b.Ints(2)), n)
	y := b.Div(centred, b.Op("Sqrt", nil, variance))
	g.ReplaceUses(x, y)
	node, _ := first.Producer()
	node.SetIn(0, x)
	if err := g.Sort(); err != nil {
		panic("astronnx: " + err.Error())
	}
}

// test takes the errors of the file, and of what it is compared with, on skies that are seen in part and as a whole.
func (r *demoTraining) test(ctx context.Context, file *network, seen, whole *graph.Tensor, peaks []float32) error {
	out, err := file.model.RunList(ctx, seen)
	if err != nil {
		return err
	}
	plan, err := sht.NewPlan(peakNside, 3*peakNside-1)
	if err != nil {
		return err
	}
	npix := plan.Npix()
	var constant, network, likelihood float64
	for i, peak := range peaks {
		m := make([]float64, npix)
		for p, v := range graph.Data[float32](whole)[i*npix : (i+1)*npix] {
			m[p] = float64(v)
		}
		alm := make([]complex128, plan.Size())
		if err := plan.Map2AlmTo(alm, m, 20); err != nil {
			return err
		}
		sky := stats.FullSky{Observed: &sht.Spectra{TT: sht.Alm2Cl(alm, alm)}, Lmin: 2, Lmax: 3*peakNside - 1}
		best, _, err := stats.Maximum(func(l float64) (float64, error) {
			return sky.LogLike(&sht.Spectra{TT: sims.PeakSpectrum(l, 3*peakNside-1)})
		}, peakLow, peakHigh)
		if err != nil {
			return err
		}
		square := func(x float64) float64 { return (x - float64(peak)) * (x - float64(peak)) / float64(len(peaks)) }
		constant += square((peakLow + peakHigh) / 2)
		network += square(float64(graph.Data[float32](out[0])[i]))
		likelihood += square(best)
	}
	r.Constant, r.Error, r.Likelihood = math.Sqrt(constant), math.Sqrt(network), math.Sqrt(likelihood)
	return nil
}

func (r *demoTraining) write(w io.Writer) error {
	fmt.Fprintf(w, "\nA network of %s parameters, trained for %s on %s simulated skies of nside %d, %s pixels\n"+
		"seen through WMAP's mask, to find the multipole l_p, %g to %g, at which the spectrum of a sky peaks\n\n", thousands(r.Parameters), timeText(time.Duration(r.Seconds*float64(time.Second))), thousands(r.Skies),
		r.Nside, thousands(r.Seen), peakLow, peakHigh)
	t := table{head: []string{fmt.Sprintf("on %d skies not trained on", r.Tests), ">RMS error in l_p"}}
	t.add("the middle of the range, always", fmt.Sprintf("%.2f", r.Constant))
	t.add("the network, from its exported file", fmt.Sprintf("%.2f", r.Error))
	t.add("exact likelihood, whole sky and amplitude known", fmt.Sprintf("%.2f", r.Likelihood))
	if err := t.write(w); err != nil {
		return err
	}
	_, err := fmt.Fprintf(w, "\n  For the WMAP map, averaged down and masked, it gives l_p = %.1f. That is no measurement: the CMB's spectrum has no\n"+
		"  such peak. It tells which of the skies that it knows looks most like one of a kind that it does not know.\n", r.WMAP)
	return err
}
