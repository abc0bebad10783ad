package train

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/astronnx/astronnx/internal/checkpoint"
	"github.com/astronnx/astronnx/internal/errs"
	"github.com/astronnx/astronnx/internal/onnxio"
)

// position is where a run is, with all that decides how it goes on; weights aside it is what a checkpoint holds.
type position struct {
	Epoch     int
	Step      int64 // taken in the epoch
	Total     int64 // taken in all
	Sum       float64
	Loss      float64 // of the last step
	Rate      float64
	History   []Epoch
	Best      float64 // smallest loss of an epoch
	BestEpoch int
	Bad       int // epochs since
	Ended     bool
	Before    time.Duration // in earlier sessions
}

// document is what a checkpoint says of itself.
type document[P any] struct {
	// Run is a digest of the step's graph, the data's size and the settings: a checkpoint fits the run that has the same.
	Run      string
	Engine   string
	Threads  int
	Schedule json.RawMessage `json:",omitempty"`
	Position P
}

// runsOn notes what a trainer runs on.
func (d *document[P]) runsOn(t *Trainer) {
	if t != nil {
		report := t.Report()
		d.Engine, d.Threads = strings.TrimSpace(report.Engine+" "+report.Version), report.Threads
	}
}

// MarshalJSON writes the losses that are no numbers as null.
func (e Epoch) MarshalJSON() ([]byte, error) {
	type plain Epoch
	row := struct {
		plain
		Validation *float64
	}{plain: plain(e)}
	if !math.IsNaN(e.Validation) && !math.IsInf(e.Validation, 0) {
		row.Validation = &e.Validation
	}
	return json.Marshal(row)
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (e *Epoch) UnmarshalJSON(b []byte) error {
	type plain Epoch
	row := struct {
		*plain
		Validation *float64
	}{plain: (*plain)(e)}
	if err := json.Unmarshal(b, &row); err != nil {
		return err
	}
	e.Validation = math.NaN()
	if row.Validation != nil {
		e.Validation = *row.Validation
	}
	return nil
}

// digest identifies a run by its steps and settings.
func digest(steps []*Step, settings ...any) (string, error) {
	h := sha256.New()
	for _, s := range steps {
		b, err := onnxio.Marshal(s.Model)
		if err != nil {
			return "", err
		}
		h.Write(b)
		for _, st := range s.State {
			fmt.Fprintln(h, st.In, st.Value)
			h.Write(st.Value.Raw)
		}
	}
	fmt.Fprintln(h, settings...)
	return hex.EncodeToString(h.Sum(nil)[:16]), nil
}

// takeUp reads the newest whole checkpoint of a folder into w and position. Without one it changes nothing.
func takeUp[P any](dir *checkpoint.Dir, path, id string, steps []*Step, w Weights, position *P) (*document[P], error) {
	var d document[P]
	found, err := dir.Latest(&d)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if d.Run != id {
		return nil, errs.New(errs.Input, "%s is a checkpoint of another run: its network, data or settings differ", found.Path).
			WithHint("train with what that run had, or into another folder than %s", path)
	}
	for _, t := range found.Tensors {
		w[t.Name] = t
	}
	for _, step := range steps {
		for _, st := range step.State {
			if t := w[st.In]; t == nil || t.DType != st.Value.DType || !slices.Equal(t.Shape, st.Value.Shape) {
				return nil, errs.New(errs.Invalid, "%s: tensor %q is %s, expected %s", found.Path, st.In, t, st.Value)
			}
		}
	}
	*position = d.Position
	return &d, nil
}

// resume opens the folder and takes up its newest whole checkpoint, if there is one.
func (r *run) resume(steps []*Step, samples int) (err error) {
	if r.dir, err = checkpoint.OpenDir(r.o.Checkpoint, r.o.Keep); err != nil {
		return err
	}
	r.id, err = digest(steps, samples, r.o.Batch, r.o.Accumulate, r.o.Seed, r.fit.optimizer, r.fit.loss.Name, r.o.EMA)
	if err != nil {
		return err
	}
	d, err := takeUp(r.dir, r.o.Checkpoint, r.id, steps, r.weights, &r.position)
	if d == nil || err != nil {
		return err
	}
	if err := r.restoreBest(); err != nil {
		return err
	}
	if o, ok := r.o.Schedule.(Observer); ok && len(d.Schedule) > 0 {
		if err := o.UnmarshalJSON(d.Schedule); err != nil {
			return errs.New(errs.Invalid, "%s: state of the schedule: %w", r.o.Checkpoint, err)
		}
	}
	r.resumed = r.Total
	r.Ended = r.o.Patience > 0 && r.Bad >= r.o.Patience
	return nil
}

// restoreBest reads the best weights. They are written before the checkpoint that tells of them, so those on disk may be of an epoch
// that the run is about to repeat; they will then be written again, the same.
func (r *run) restoreBest() error {
	if len(r.History) == 0 {
		return nil
	}
	tensors, err := r.dir.Best(nil)
	if err != nil {
		return err
	}
	r.best = Weights{}
	for _, t := range tensors {
		r.best[t.Name] = t
	}
	return nil
}

func (r *run) document() document[position] {
	d := document[position]{Run: r.id, Position: r.position}
	d.runsOn(r.step)
	d.Position.Before = r.elapsed()
	if o, ok := r.o.Schedule.(Observer); ok {
		d.Schedule, _ = o.MarshalJSON()
	}
	return d
}

// save writes a checkpoint.
func (r *run) save() error {
	if r.dir == nil {
		return nil
	}
	err := r.dir.Save(r.Total, r.document(), tensorsOf(r.weights)...)
	r.torn = err != nil // it is not tried again
	return err
}
