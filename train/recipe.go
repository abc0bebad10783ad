package train

import (
	"math"
	"strconv"
	"strings"

	"github.com/astronnx/astronnx/internal/errs"
)

// What [ParseLoss], [ParseOptimizer], [ParseSchedule] and [ParseRange] take, for messages.
const (
	LossNames = "mse, mae, huber[:DELTA], bce[:WEIGHT], bce-logits[:WEIGHT,...], cross-entropy[:WEIGHT,...], masked-mse, gaussian-nll, " +
		"moments or log-moments"
	OptimizerNames = "adam, adamw, sgd, momentum[:MU], nesterov[:MU] or rmsprop[:ALPHA]"
	ScheduleNames  = "constant, step:EPOCHS:FACTOR, exponential:FACTOR, cosine[:LOW], warm-up:STEPS[:SCHEDULE], triangular:LOW:UP:DOWN or " +
		"plateau[:FACTOR:PATIENCE:REST:LOW]"
	RangeForms = "numbers, or log:LOW:HIGH, uniform:LOW:HIGH or int:LOW:HIGH"
)

// A recipe is a word with numbers behind colons, as plateau:0.5:10: how losses, optimisers and schedules are written outside Go.
type recipe struct {
	text string
	name string
	args []string
}

func parseRecipe(text string) *recipe {
	words := strings.Split(text, ":")
	return &recipe{text: text, name: words[0], args: words[1:]}
}

// expected is the error of a recipe that is not of some form.
func (r *recipe) expected(form string) error {
	return errs.New(errs.Input, "%s: expected %s", r.text, form)
}

// numbers returns the numbers behind the word; those that are left out have the values of defaults.
func (r *recipe) numbers(form string, defaults ...float64) ([]float64, error) {
	if len(r.args) > len(defaults) {
		return nil, r.expected(form)
	}
	out := append([]float64(nil), defaults...)
	for i, a := range r.args {
		x, err := strconv.ParseFloat(a, 64)
		if err != nil {
			return nil, errs.New(errs.Input, "%s: %q is no number: expected %s", r.text, a, form)
		}
		out[i] = x
	}
	return out, nil
}

// list returns the numbers of a text, separated by commas.
func (r *recipe) list(text, form string) ([]float64, error) {
	var out []float64
	for _, a := range strings.Split(text, ",") {
		x, err := strconv.ParseFloat(a, 64)
		if err != nil {
			return nil, errs.New(errs.Input, "%s: %q is no number: expected %s", r.text, a, form)
		}
		out = append(out, x)
	}
	return out, nil
}

// weights returns the numbers behind the one colon; none: nil.
func (r *recipe) weights(form string) ([]float64, error) {
	if len(r.args) == 0 {
		return nil, nil
	}
	return r.list(strings.Join(r.args, ":"), form)
}

// ParseLoss returns the loss that a text names, as huber:0.5: one of [LossNames].
func ParseLoss(text string) (Loss, error) {
	r := parseRecipe(text)
	plain := map[string]func() Loss{
		"mse": MSE, "mae": MAE, "masked-mse": MaskedMSE, "gaussian-nll": GaussianNLL, "moments": Moments, "log-moments": LogMoments,
	}
	if f := plain[r.name]; f != nil {
		_, err := r.numbers(r.name)
		return f(), err
	}
	switch r.name {
	case "huber":
		x, err := r.numbers("huber:DELTA", 1)
		if err == nil && !(x[0] > 0) {
			err = r.expected("DELTA above 0")
		}
		if err != nil {
			return Loss{}, err
		}
		return Huber(x[0]), nil
	case "bce":
		x, err := r.numbers("bce:WEIGHT", 1)
		if err != nil {
			return Loss{}, err
		}
		return BCE(x[0]), nil
	case "bce-logits":
		x, err := r.weights("bce-logits:WEIGHT,...")
		return BCEWithLogits(x...), err
	case "cross-entropy":
		x, err := r.weights("cross-entropy:WEIGHT,...")
		return CrossEntropy(x...), err
	}
	return Loss{}, r.expected(LossNames)
}

// ParseOptimizer returns the optimiser that a text names, as nesterov:0.9, with a rate and a decay of weights: one of
// [OptimizerNames].
func ParseOptimizer(text string, rate, decay float64) (Optimizer, error) {
	r := parseRecipe(text)
	share := func(name string, value float64) (float64, error) {
		x, err := r.numbers(r.name+":"+name, value)
		if err != nil {
			return 0, err
		}
		if !(x[0] > 0 && x[0] < 1) {
			return 0, r.expected(name + " between 0 and 1")
		}
		return x[0], nil
	}
	var err error
	mu, alpha := 0.0, 0.0
	switch r.name {
	case "adam", "adamw", "sgd":
		_, err = r.numbers(r.name)
	case "momentum", "nesterov":
		mu, err = share("MU", 0.9)
	case "rmsprop":
		alpha, err = share("ALPHA", 0.99)
	}
	if err != nil {
		return nil, err
	}
	switch r.name {
	case "adam":
		return AdamWith(rate, AdamOptions{Decay: decay}), nil
	case "adamw":
		return AdamW(rate, decay), nil
	case "sgd":
		return SGD(rate, decay), nil
	case "momentum":
		return Momentum(rate, mu, decay), nil
	case "nesterov":
		return Nesterov(rate, mu, decay), nil
	case "rmsprop":
		return RMSProp(rate, RMSPropOptions{Alpha: alpha, Decay: decay}), nil
	}
	return nil, r.expected(OptimizerNames)
}

// ParseSchedule returns the schedule that a text names, as warm-up:100:cosine, for a run of so many epochs: one of [ScheduleNames].
func ParseSchedule(text string, epochs int) (Schedule, error) {
	r := parseRecipe(text)
	bad := func(err error, form string) (Schedule, error) {
		if err == nil {
			err = r.expected(form)
		}
		return nil, err
	}
	switch r.name {
	case "constant":
		_, err := r.numbers("constant")
		return Constant(), err
	case "step":
		x, err := r.numbers("step:EPOCHS:FACTOR", 0, 0)
		if err != nil || !whole(x[0]) || !(x[1] > 0) {
			return bad(err, "step:EPOCHS:FACTOR, a whole number from 1 and one above 0")
		}
		return StepDecay(int(x[0]), x[1]), nil
	case "exponential":
		x, err := r.numbers("exponential:FACTOR", 0)
		if err != nil || !(x[0] > 0) {
			return bad(err, "exponential:FACTOR, above 0")
		}
		return Exponential(x[0]), nil
	case "cosine":
		x, err := r.numbers("cosine:LOW", 0)
		if err != nil || !(x[0] >= 0) {
			return bad(err, "cosine:LOW, 0 or above")
		}
		return Cosine(epochs, x[0]), nil
	case "warm-up":
		steps, then, more := strings.Cut(strings.Join(r.args, ":"), ":")
		n, err := strconv.ParseInt(steps, 10, 64)
		if err != nil || n < 1 {
			return bad(nil, "warm-up:STEPS, a whole number from 1, and perhaps another schedule behind it")
		}
		next := Constant()
		if more {
			if next, err = ParseSchedule(then, epochs); err != nil {
				return nil, err
			}
		}
		return WarmUp(n, 1/float64(n), next), nil
	case "triangular":
		x, err := r.numbers("triangular:LOW:UP:DOWN", 0, 0, 0)
		if err != nil || !(x[0] >= 0) || !whole(x[1]) || !whole(x[2]) {
			return bad(err, "triangular:LOW:UP:DOWN, a rate and two numbers of steps")
		}
		return Triangular(x[0], int64(x[1]), int64(x[2])), nil
	case "plateau":
		x, err := r.numbers("plateau:FACTOR:PATIENCE:REST:LOW", 0.1, 10, 0, 0)
		if err != nil || !(x[0] > 0 && x[0] < 1) || x[1] != 0 && !whole(x[1]) || x[2] != 0 && !whole(x[2]) || !(x[3] >= 0) {
			return bad(err, "plateau:FACTOR:PATIENCE:REST:LOW, a factor below 1, two numbers of epochs and a rate")
		}
		return Plateau(x[0], int(x[1]), int(x[2]), x[3]), nil
	}
	return nil, r.expected(ScheduleNames)
}

// whole reports a whole number from 1 that counts something.
func whole(x float64) bool { return x >= 1 && x == float64(int64(x)) }

// ParseRange returns the range of a number that a text describes, one of [RangeForms], and how many values it has, 0 for no end.
func ParseRange(name, text string) (_ Range, values int, err error) {
	r := parseRecipe(text)
	switch r.name {
	case "log", "uniform", "int":
		x, err := r.numbers(RangeForms, math.NaN(), math.NaN())
		if err == nil && (!(x[0] <= x[1]) || r.name == "int" && (x[0] != math.Trunc(x[0]) || x[1] != math.Trunc(x[1]))) {
			err = r.expected(RangeForms)
		}
		if err != nil {
			return Range{}, 0, err
		}
		switch r.name {
		case "log":
			return LogUniform(name, x[0], x[1]), 0, nil
		case "uniform":
			return Uniform(name, x[0], x[1]), 0, nil
		}
		return Integer(name, int(x[0]), int(x[1])), int(x[1]-x[0]) + 1, nil
	}
	x, err := r.list(text, RangeForms)
	return Choice(name, x...), len(x), err
}
