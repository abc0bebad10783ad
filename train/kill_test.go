//go:build unix

package train_test

import (
	"context"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/internal/checkpoint"
	"github.com/astronnx/astronnx/train"
)

// killEnv names the folder into which this program, started by TestKilledRunsEndAlike, trains.
const killEnv = "ASTRONNX_TEST_TRAIN_INTO"

func TestMain(m *testing.M) {
	if dir := os.Getenv(killEnv); dir != "" {
		if err := trainInto(dir); err != nil {
			os.Stderr.WriteString(err.Error())
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func trainInto(dir string) error {
	_, err := train.New(perceptron(), train.MSE(), train.Adam(1e-2)).Run(context.Background(), circle(320, 1), train.Options{
		Epochs: 12, Batch: 16, Validation: circle(40, 2), Schedule: train.Plateau(0.5, 1, 0, 0), EMA: 0.9, Checkpoint: dir, Every: 1,
		Engine: engineOf(os.Getenv("ASTRONNX_ORT_LIB")),
		// Slow enough to be killed in the middle.
		Progress: func(train.Progress) { time.Sleep(time.Millisecond) },
	})
	return err
}

// A run that is killed again and again, at any moment, ends at the same bits as one that is not.
func TestKilledRunsEndAlike(t *testing.T) {
	if testing.Short() {
		t.Skip("30 processes")
	}
	start := func(dir string) *exec.Cmd {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), killEnv+"="+dir, "ASTRONNX_ORT_LIB="+libraryOf(t))
		return cmd
	}
	state := func(dir string) []*graph.Tensor {
		d, err := checkpoint.OpenDir(dir, 2)
		if err != nil {
			t.Fatal(err)
		}
		found, err := d.Latest(nil)
		if err != nil {
			t.Fatal(err)
		}
		if len(found.Damaged) > 0 {
			t.Errorf("damaged checkpoints: %v", found.Damaged)
		}
		return found.Tensors
	}
	folder := t.TempDir()
	whole := filepath.Join(folder, "whole")
	begun := time.Now()
	if out, err := start(whole).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	span, want := time.Since(begun), state(whole)
	rng, kills := rand.New(rand.NewPCG(1, uint64(begun.UnixNano()))), 0
	// killed runs a program that trains into dir, for a while, and reports whether it was killed.
	killed := func(dir string) bool {
		cmd := start(dir)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		timer := time.AfterFunc(time.Duration(rng.Float64()*float64(span)/2), func() { cmd.Process.Kill() })
		defer timer.Stop()
		err := cmd.Wait()
		if err != nil && cmd.ProcessState.Exited() {
			t.Fatalf("after %d kills: %v", kills, err)
		}
		return err != nil
	}
	wanted := 30
	if libraryOf(t) == "" {
		wanted = 5 // nothing in it depends on the engine, and the Go engine is slow
	}
	for run := 0; kills < wanted; run++ {
		dir := filepath.Join(folder, "broken", strconv.Itoa(run))
		for killed(dir) {
			kills++
		}
		got := state(dir)
		if len(want) != len(got) {
			t.Fatalf("%d tensors want %d", len(got), len(want))
		}
		for i, w := range want {
			if !got[i].Equal(w) {
				t.Errorf("after %d kills in all %s differs from that of the unbroken run", kills, w.Name)
			}
		}
	}
}
