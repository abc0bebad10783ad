package train_test

import (
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/astronnx/astronnx/internal/errs"
	"github.com/astronnx/astronnx/train"
)

func TestParseSchedule(t *testing.T) {
	at := func(step int64) train.Clock { return train.Clock{Step: step, Steps: 10, Epoch: int(step / 10)} }
	for text, want := range map[string][3]float64{ // at steps 0, 10 and 20 of 4 epochs, from rate 1
		"constant":                {1, 1, 1},
		"step:2:0.5":              {1, 1, 0.5},
		"exponential:0.5":         {1, 0.5, 0.25},
		"cosine":                  {1, (1 + math.Sqrt2/2) / 2, 0.5},
		"cosine:0.5":              {1, 0.5 + (1+math.Sqrt2/2)/4, 0.75},
		"warm-up:20":              {1. / 20, 1./20 + 19./40, 1},
		"warm-up:10:step:1:0.5":   {1. / 10, 0.5, 0.25},
		"triangular:0.5:10:10":    {0.5, 1, 0.5},
		"plateau:0.5:1":           {1, 1, 1},
		"warm-up:10:plateau":      {1. / 10, 1, 1},
		"plateau:0.5:1:2:0.00001": {1, 1, 1},
	} {
		s, err := train.ParseSchedule(text, 4)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		for i, w := range want {
			if got := s.Rate(1, at(int64(10*i))); math.Abs(got-w) > 1e-12 {
				t.Errorf("%s: the rate at step %d is %g, want %g", text, 10*i, got, w)
			}
		}
	}
	cosine, err := train.ParseSchedule("cosine", 4)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := cosine.Rate(1, at(20+5)), (1+math.Cos(math.Pi*25/40))/2; math.Abs(got-want) > 1e-12 {
		t.Errorf("within an epoch cosine is %g, want %g", got, want)
	}
	for _, text := range []string{"linear", "constant:1", "step", "step:0.5:1", "exponential", "warm-up", "warm-up:5:linear", "triangular:0",
		"plateau:2", "cosine:-1"} {
		if _, err := train.ParseSchedule(text, 4); !errors.Is(err, errs.Input) {
			t.Errorf("schedule %s: got %v", text, err)
		}
	}
}

func TestRecipes(t *testing.T) {
	for _, text := range []string{"mse", "mae", "huber", "huber:0.5", "bce", "bce:2", "bce-logits", "bce-logits:1,2", "cross-entropy",
		"cross-entropy:1,2,3", "masked-mse", "gaussian-nll", "moments", "log-moments"} {
		if l, err := train.ParseLoss(text); err != nil || l.Name != strings.SplitN(text, ":", 2)[0] {
			t.Errorf("%s: got loss %q, %v", text, l.Name, err)
		}
	}
	for _, text := range []string{"adam", "adamw", "sgd", "momentum", "momentum:0.8", "nesterov:0.8", "rmsprop", "rmsprop:0.9"} {
		if o, err := train.ParseOptimizer(text, 0.25, 0.1); err != nil || o.Name() != strings.SplitN(text, ":", 2)[0] || o.LearningRate() != 0.25 {
			t.Errorf("%s: got %v, %v", text, o, err)
		}
	}
	for _, text := range []string{"mse:1", "huber:0", "huber:a", "bce:1:2", "cross-entropy:a"} {
		if _, err := train.ParseLoss(text); !errors.Is(err, errs.Input) {
			t.Errorf("loss %s: got %v", text, err)
		}
	}
	for _, text := range []string{"adam:1", "momentum:1", "momentum:0.5:1", "rmsprop:2"} {
		if _, err := train.ParseOptimizer(text, 1, 0); !errors.Is(err, errs.Input) {
			t.Errorf("optimizer %s: got %v", text, err)
		}
	}
}

func TestParseRange(t *testing.T) {
	for text, want := range map[string]int{"1e-2,1e-3": 2, "5": 1, "int:2:5": 4, "log:1e-4:1e-2": 0, "uniform:0:1": 0} {
		if r, n, err := train.ParseRange("rate", text); err != nil || n != want || r.Name != "rate" {
			t.Errorf("%s: got %d values of %q, %v: want %d", text, n, r.Name, err, want)
		}
	}
	for _, text := range []string{"", "1,a", "log:1", "log:2:1", "int:1:2.5", "uniform:0:1:2"} {
		if _, _, err := train.ParseRange("rate", text); !errors.Is(err, errs.Input) {
			t.Errorf("range %q: got %v", text, err)
		}
	}
}
