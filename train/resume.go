package train

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"path/filepath"
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
type document struct {
	// Run is a digest of the step's graph, the data's size and the settings: a checkpoint fits the run that has the same.
	Run      string
	Engine   string
	Threads  int
	Schedule json.RawMessage `json:",omitempty"`
	Position position
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

// digest identifies a run.
func (r *run) digest(s, apply *Step, samples int) (string, error) {
	h := sha256.New()
	for _, s := range []*Step{s, apply} {
		if s == nil {
			continue
		}
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
	fmt.Fprintln(h, samples, r.o.Batch, r.o.Accumulate, r.o.Seed, r.fit.optimizer, r.fit.loss.Name, r.o.EMA)
	return hex.EncodeToString(h.Sum(nil)[:16]), nil
}

// resume opens the folder and takes up its newest whole checkpoint, if there is one.
func (r *run) resume(s, apply *Step, samples int) error {
	var err error
	if r.dir, err = checkpoint.OpenDir(r.o.Checkpoint, r.o.Keep); err != nil {
		return err
	}
	if r.id, err = r.digest(s, apply, samples); err != nil {
		return err
	}
	var d document
	found, err := r.dir.Latest(&d)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if d.Run != r.id {
		return errs.New(errs.Input, "%s is a checkpoint of another run: its network, data or settings differ", found.Path).
			WithHint("train with what that run had, or into another folder than %s", r.o.Checkpoint)
	}
	for _, t := range found.Tensors {
		r.weights[t.Name] = t
	}
	for _, step := range []*Step{s, apply} {
		if step == nil {
			continue
		}
		for _, st := range step.State {
			if t := r.weights[st.In]; t == nil || t.DType != st.Value.DType || !equalShape(t.Shape, st.Value.Shape) {
				return errs.New(errs.Invalid, "%s: tensor %q is %s, expected %s", found.Path, st.In, t, st.Value)
			}
		}
	}
	if err := r.restoreBest(d.Position); err != nil {
		return err
	}
	if o, ok := r.o.Schedule.(Observer); ok && len(d.Schedule) > 0 {
		if err := o.UnmarshalJSON(d.Schedule); err != nil {
			return errs.New(errs.Invalid, "%s: state of the schedule: %w", found.Path, err)
		}
	}
	r.position, r.resumed = d.Position, d.Position.Total
	if r.o.Patience == 0 || r.Bad < r.o.Patience {
		r.Ended = false
	}
	return nil
}

func equalShape(a, b []int64) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

// restoreBest reads the best weights. They are written before the checkpoint that tells of them, so those on disk may be of an epoch
// that the run is about to repeat; they will then be written again, the same.
func (r *run) restoreBest(p position) error {
	if len(p.History) == 0 {
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

func (r *run) document() document {
	d := document{Run: r.id, Position: r.position}
	if r.step != nil {
		report := r.step.Report()
		d.Engine, d.Threads = report.Engine+" "+report.Version, report.Threads
	}
	d.Position.Before = r.elapsed()
	if o, ok := r.o.Schedule.(Observer); ok {
		d.Schedule, _ = o.MarshalJSON()
	}
	return d
}

// save writes a checkpoint and the history.
func (r *run) save() error {
	if r.dir == nil {
		return nil
	}
	if err := r.dir.Save(r.Total, r.document(), tensorsOf(r.weights)...); err != nil {
		return err
	}
	if len(r.History) == 0 {
		return nil
	}
	return WriteHistory(filepath.Join(r.o.Checkpoint, "history.csv"), r.History)
}
