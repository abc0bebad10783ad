package train

import (
	"encoding/json"
	"math"
)

// A Schedule gives the learning rate of each step from the optimiser's base rate. It is called once a step, in order.
type Schedule interface {
	Rate(base float64, at Clock) float64
}

// A Clock says where a run is: the step about to be taken and its epoch, both from 0, and how many steps an epoch has.
type Clock struct {
	Step, Steps int64
	Epoch       int
}

// An Observer is a Schedule that follows the loss. Its state is part of checkpoints.
type Observer interface {
	Schedule
	// Observe is told the loss of each epoch: of the validation data if there are any.
	Observe(loss float64)
	json.Marshaler
	json.Unmarshaler
}

// ScheduleFunc is a Schedule without a state.
type ScheduleFunc func(base float64, at Clock) float64

// Rate calls f.
func (f ScheduleFunc) Rate(base float64, at Clock) float64 { return f(base, at) }

// Constant keeps the base rate.
func Constant() Schedule { return ScheduleFunc(func(base float64, _ Clock) float64 { return base }) }

// StepDecay multiplies the rate by factor every so many epochs.
func StepDecay(every int, factor float64) Schedule {
	return ScheduleFunc(func(base float64, at Clock) float64 { return base * math.Pow(factor, float64(at.Epoch/every)) })
}

// Exponential multiplies the rate by factor each epoch.
func Exponential(factor float64) Schedule { return StepDecay(1, factor) }

// Cosine goes from the base rate to low in half a wave over the steps of so many epochs, and stays there (Loshchilov and Hutter 2016,
// arXiv:1608.03983, without restarts).
func Cosine(epochs int, low float64) Schedule {
	return ScheduleFunc(func(base float64, at Clock) float64 {
		t := min(float64(at.Step)/float64(int64(epochs)*at.Steps), 1)
		return low + (base-low)*(1+math.Cos(math.Pi*t))/2
	})
}

// WarmUp rises in a straight line from factor times the rate to all of it over the first steps of a run, and is then as the given
// schedule says; nil: constant.
func WarmUp(steps int64, factor float64, then Schedule) Schedule {
	if then == nil {
		then = Constant()
	}
	rise := func(rate float64, at Clock) float64 {
		if at.Step >= steps {
			return rate
		}
		return rate * (factor + (1-factor)*float64(at.Step)/float64(steps))
	}
	if o, ok := then.(Observer); ok {
		return warmObserver{o, rise}
	}
	return ScheduleFunc(func(base float64, at Clock) float64 { return rise(then.Rate(base, at), at) })
}

type warmObserver struct {
	Observer
	rise func(rate float64, at Clock) float64
}

func (w warmObserver) Rate(base float64, at Clock) float64 {
	return w.rise(w.Observer.Rate(base, at), at)
}

// Triangular rises from low to the base rate in up steps and falls back in down, again and again (Smith 2015, arXiv:1506.01186).
func Triangular(low float64, up, down int64) Schedule {
	return ScheduleFunc(func(base float64, at Clock) float64 {
		t := at.Step % (up + down)
		if t <= up {
			return low + (base-low)*float64(t)/float64(up)
		}
		return low + (base-low)*float64(up+down-t)/float64(down)
	})
}

// plateau is the state of [Plateau].
type plateau struct {
	factor, low    float64
	patience, rest int
	plateauState
}

type plateauState struct {
	Scale float64 // of the rate
	Best  float64
	Bad   int // epochs since
	Rest  int // epochs to come that do not count
	Any   bool
}

// Plateau multiplies the rate by factor when the loss has not fallen by a ten-thousandth of itself for more than patience epochs,
// down to low. After that so many epochs of rest do not count (PyTorch's ReduceLROnPlateau).
func Plateau(factor float64, patience, rest int, low float64) Observer {
	return &plateau{factor, low, patience, rest, plateauState{Scale: 1}}
}

func (p *plateau) Rate(base float64, _ Clock) float64 { return max(base*p.Scale, min(p.low, base)) }

func (p *plateau) Observe(loss float64) {
	if !p.Any || loss < p.Best*(1-1e-4) {
		p.Best, p.Bad, p.Any = loss, 0, true
	} else {
		p.Bad++
	}
	if p.Rest > 0 {
		p.Rest--
		p.Bad = 0
	}
	if p.Bad > p.patience {
		p.Scale *= p.factor
		p.Bad, p.Rest = 0, p.rest
	}
}

func (p *plateau) MarshalJSON() ([]byte, error) { return json.Marshal(p.plateauState) }

func (p *plateau) UnmarshalJSON(b []byte) error { return json.Unmarshal(b, &p.plateauState) }
