package main

import (
	"strconv"
	"strings"

	"github.com/astronnx/astronnx/train"
)

// A recipe is a word with numbers behind colons, as plateau:0.5:10: how losses, optimisers and schedules are written on the command
// line.
type recipe struct {
	flag, text string
	name       string
	args       []string
}

func parseRecipe(flag, text string) *recipe {
	words := strings.Split(text, ":")
	return &recipe{flag: flag, text: text, name: words[0], args: words[1:]}
}

// numbers returns the numbers behind the word; those that are left out have the values of defaults.
func (r *recipe) numbers(form string, defaults ...float64) ([]float64, error) {
	if len(r.args) > len(defaults) {
		return nil, usagef("%s %s: expected %s", r.flag, r.text, form)
	}
	out := append([]float64(nil), defaults...)
	for i, a := range r.args {
		x, err := strconv.ParseFloat(a, 64)
		if err != nil {
			return nil, usagef("%s %s: %q is no number: expected %s", r.flag, r.text, a, form)
		}
		out[i] = x
	}
	return out, nil
}

// list returns the numbers behind the one colon, separated by commas; none: nil.
func (r *recipe) list(form string) ([]float64, error) {
	if len(r.args) == 0 {
		return nil, nil
	}
	var out []float64
	for _, a := range strings.Split(strings.Join(r.args, ":"), ",") {
		x, err := strconv.ParseFloat(a, 64)
		if err != nil {
			return nil, usagef("%s %s: %q is no number: expected %s", r.flag, r.text, a, form)
		}
		out = append(out, x)
	}
	return out, nil
}

const lossNames = "mse, mae, huber[:DELTA], bce[:WEIGHT], bce-logits[:WEIGHT,...], cross-entropy[:WEIGHT,...], masked-mse, gaussian-nll, " +
	"moments or log-moments"

func parseLoss(text string) (train.Loss, error) {
	r := parseRecipe("--loss", text)
	plain := map[string]func() train.Loss{
		"mse": train.MSE, "mae": train.MAE, "masked-mse": train.MaskedMSE, "gaussian-nll": train.GaussianNLL, "moments": train.Moments,
		"log-moments": train.LogMoments,
	}
	if f := plain[r.name]; f != nil {
		_, err := r.numbers(r.name)
		return f(), err
	}
	switch r.name {
	case "huber":
		x, err := r.numbers("huber:DELTA", 1)
		if err != nil || !(x[0] > 0) {
			return train.Loss{}, orUsage(err, "--loss %s: expected DELTA above 0", text)
		}
		return train.Huber(x[0]), nil
	case "bce":
		x, err := r.numbers("bce:WEIGHT", 1)
		if err != nil {
			return train.Loss{}, err
		}
		return train.BCE(x[0]), nil
	case "bce-logits":
		x, err := r.list("bce-logits:WEIGHT,...")
		return train.BCEWithLogits(x...), err
	case "cross-entropy":
		x, err := r.list("cross-entropy:WEIGHT,...")
		return train.CrossEntropy(x...), err
	}
	return train.Loss{}, usagef("--loss %s: expected %s", text, lossNames)
}

// orUsage returns err, or if there is none a mistake on the command line.
func orUsage(err error, format string, args ...any) error {
	if err != nil {
		return err
	}
	return usagef(format, args...)
}

const optimizerNames = "adam, adamw, sgd, momentum[:MU], nesterov[:MU] or rmsprop[:ALPHA]"

func parseOptimizer(text string, rate, decay float64) (train.Optimizer, error) {
	r := parseRecipe("--optimizer", text)
	mu, alpha := 0.9, 0.99
	switch r.name {
	case "adam", "adamw", "sgd":
		if _, err := r.numbers(r.name); err != nil {
			return nil, err
		}
	case "momentum", "nesterov":
		x, err := r.numbers(r.name+":MU", mu)
		if err != nil || !(x[0] > 0 && x[0] < 1) {
			return nil, orUsage(err, "--optimizer %s: expected MU between 0 and 1", text)
		}
		mu = x[0]
	case "rmsprop":
		x, err := r.numbers("rmsprop:ALPHA", alpha)
		if err != nil || !(x[0] > 0 && x[0] < 1) {
			return nil, orUsage(err, "--optimizer %s: expected ALPHA between 0 and 1", text)
		}
		alpha = x[0]
	}
	switch r.name {
	case "adam":
		return train.AdamWith(rate, train.AdamOptions{Decay: decay}), nil
	case "adamw":
		return train.AdamW(rate, decay), nil
	case "sgd":
		return train.SGD(rate, decay), nil
	case "momentum":
		return train.Momentum(rate, mu, decay), nil
	case "nesterov":
		return train.Nesterov(rate, mu, decay), nil
	case "rmsprop":
		return train.RMSProp(rate, train.RMSPropOptions{Alpha: alpha, Decay: decay}), nil
	}
	return nil, usagef("--optimizer %s: expected %s", text, optimizerNames)
}

const scheduleNames = "constant, step:EPOCHS:FACTOR, exponential:FACTOR, cosine[:LOW], warm-up:STEPS[:SCHEDULE], triangular:LOW:UP:DOWN or " +
	"plateau[:FACTOR:PATIENCE:REST:LOW]"

func parseSchedule(text string, epochs int) (train.Schedule, error) {
	r := parseRecipe("--schedule", text)
	bad := func(err error, what string) (train.Schedule, error) {
		return nil, orUsage(err, "--schedule %s: expected %s", text, what)
	}
	switch r.name {
	case "constant":
		_, err := r.numbers("constant")
		return train.Constant(), err
	case "step":
		x, err := r.numbers("step:EPOCHS:FACTOR", 0, 0)
		if err != nil || !whole(x[0]) || !(x[1] > 0) {
			return bad(err, "step:EPOCHS:FACTOR, a whole number from 1 and one above 0")
		}
		return train.StepDecay(int(x[0]), x[1]), nil
	case "exponential":
		x, err := r.numbers("exponential:FACTOR", 0)
		if err != nil || !(x[0] > 0) {
			return bad(err, "exponential:FACTOR, above 0")
		}
		return train.Exponential(x[0]), nil
	case "cosine":
		x, err := r.numbers("cosine:LOW", 0)
		if err != nil || !(x[0] >= 0) {
			return bad(err, "cosine:LOW, 0 or above")
		}
		return train.Cosine(epochs, x[0]), nil
	case "warm-up":
		steps, then, more := strings.Cut(strings.Join(r.args, ":"), ":")
		n, err := strconv.ParseInt(steps, 10, 64)
		if err != nil || n < 1 {
			return bad(nil, "warm-up:STEPS, a whole number from 1, and perhaps another schedule behind it")
		}
		next := train.Constant()
		if more {
			if next, err = parseSchedule(then, epochs); err != nil {
				return nil, err
			}
		}
		return train.WarmUp(n, 1/float64(n), next), nil
	case "triangular":
		x, err := r.numbers("triangular:LOW:UP:DOWN", 0, 0, 0)
		if err != nil || !(x[0] >= 0) || !whole(x[1]) || !whole(x[2]) {
			return bad(err, "triangular:LOW:UP:DOWN, a rate and two numbers of steps")
		}
		return train.Triangular(x[0], int64(x[1]), int64(x[2])), nil
	case "plateau":
		x, err := r.numbers("plateau:FACTOR:PATIENCE:REST:LOW", 0.1, 10, 0, 0)
		if err != nil || !(x[0] > 0 && x[0] < 1) || x[1] != 0 && !whole(x[1]) || x[2] != 0 && !whole(x[2]) || !(x[3] >= 0) {
			return bad(err, "plateau:FACTOR:PATIENCE:REST:LOW, a factor below 1, two numbers of epochs and a rate")
		}
		return train.Plateau(x[0], int(x[1]), int(x[2]), x[3]), nil
	}
	return nil, usagef("--schedule %s: expected %s", text, scheduleNames)
}

// whole reports a whole number from 1 that counts something.
func whole(x float64) bool { return x >= 1 && x == float64(int64(x)) }
