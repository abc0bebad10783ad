package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"time"

	"github.com/astronnx/astronnx/export"
	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/healpix"
	"github.com/astronnx/astronnx/models"
	"github.com/astronnx/astronnx/runtime"
)

// tau compares how many maps a second the network for the optical depth reads, as recipes export it, with PyTorch: in the form that
// NNhealpix has, and as PyTorch is quickest. All are pinned to the same cores and take turns; their estimates must be the same.
func tau() (rows []Row, err error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	ours := exec.Command(self, "-steps")
	ours.Env = os.Environ()
	torch := tunedTorch()
	for threads := 1; threads <= 2; threads++ {
		var members []*member
		for _, cmd := range slices.Concat([]*exec.Cmd{ours}, torch, torch) {
			q, err := startPinned(cmd, threads)
			if err != nil {
				return rows, err
			}
			defer q.stop()
			members = append(members, &member{peer: q})
		}
		for _, maps := range []int{2, 4} {
			for _, batch := range []int64{1, 50} {
				r, err := estimates(members, threads, maps, batch)
				rows = append(rows, r...)
				if err != nil {
					return rows, err
				}
			}
		}
	}
	return rows, nil
}

// estimates are rows of the first member beside the others; the first half of these convolve as NNhealpix does.
func estimates(members []*member, threads, maps int, batch int64) ([]Row, error) {
	dir, err := os.MkdirTemp("", "astronnx-bench")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	request, err := tauRequest(dir, maps, batch)
	if err != nil {
		return nil, err
	}
	request.Threads = threads
	var turns []func() (time.Duration, error)
	for i, m := range members {
		request.Conv1D = i <= len(members)/2
		if err := m.prepare(request); err != nil {
			return nil, err
		}
		turns = append(turns, m.turn)
	}
	best, err := takeTurns(2*time.Second, turns)
	if err != nil {
		return nil, err
	}
	title := fmt.Sprintf("τ from %d maps, batch %d, %d thread", maps, batch, threads)
	if threads > 1 {
		title += "s"
	}
	want := graph.FromSlice(members[0].losses, int64(len(members[0].losses)))
	rate := func(i int) float64 { return float64(batch) / best[i].Seconds() }
	var rows []Row
	for i, m := range members[1:] {
		if d := differ(m.losses, want); !(d < 1e-4) {
			return rows, fmt.Errorf("the estimates are others than those of %s: %g of the largest apart", m.about, d)
		}
		goal := 0.0
		if i < len(members)/2 {
			goal = 10
		}
		rows = append(rows, more(title, rate(0), rate(i+1), "skies/s", m.about, goal))
	}
	return rows, nil
}

// tauRequest writes the network and a batch to files. Strangers have it in NEST order: before its weights, see stepNet, comes where
// the pixels of that order are in RING.
func tauRequest(dir string, maps int, batch int64) (stepRequest, error) {
	r := stepRequest{Kind: "estimate", Block: 25, Model: filepath.Join(dir, "model.onnx"), Result: filepath.Join(dir, "estimates")}
	if batch == 1 {
		r.Block = 200
	}
	c := models.NNHealpixConfig{Nside: 16, Maps: maps, Pool: "avg", Outputs: 1, Errors: true, Dropout: 0.2}
	net, err := models.NNHealpix(c)
	if err != nil {
		return r, err
	}
	unseen, zero := float64(healpix.Unseen), 0.0
	columns := []string{"Q_1", "U_1", "Q_2", "U_2"}[:maps]
	if _, err := export.Write(r.Model, net, export.Options{
		Inputs: map[string]export.Input{"map": {Map: runtime.MapInfo{Columns: columns, Unseen: &unseen}, Fill: &zero}},
	}); err != nil {
		return r, err
	}
	c.Order = "NEST"
	if net, err = models.NNHealpix(c); err != nil {
		return r, err
	}
	tensors, err := sphereTensors(net)
	if err != nil {
		return r, err
	}
	order, err := healpix.ReorderTable[int32](c.Nside, healpix.Ring, healpix.Nested)
	if err != nil {
		return r, err
	}
	write := func(name string, t *graph.Tensor) file {
		f := file{filepath.Join(dir, name), t.Shape}
		err = errors.Join(err, os.WriteFile(f.Path, t.Raw, 0o600))
		return f
	}
	r.X = write("x", noise(1, batch, int64(maps), int64(len(order))))
	for i, t := range append([]*graph.Tensor{graph.FromSlice(order, int64(len(order)))}, tensors...) {
		r.Tensors = append(r.Tensors, write(fmt.Sprint("tensor", i), t))
	}
	return r, err
}

// estimator is our side: it loads the file, writes what it makes of the batch, and returns a function that does so again.
func (r stepRequest) estimator() (func() (float64, error), error) {
	model, err := runtime.Load(r.Model, runtime.NewConfig().WithEngine("onnxruntime").WithThreads(r.Threads))
	if err != nil {
		return nil, err
	}
	x, err := r.X.read()
	if err != nil {
		return nil, err
	}
	s, err := model.NewSession()
	if err != nil {
		return nil, err
	}
	if err := s.SetInput("map", x); err != nil {
		return nil, err
	}
	run := func() (float64, error) { return 0, s.Run(context.Background()) }
	if _, err := run(); err != nil {
		return nil, err
	}
	var raw []byte
	for _, name := range []string{"mean", "sigma"} {
		if raw, err = binary.Append(raw, binary.LittleEndian, graph.Data[float32](s.Output(name))); err != nil {
			return nil, err
		}
	}
	return run, os.WriteFile(r.Result, raw, 0o600)
}
