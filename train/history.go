package train

import (
	"math"
	"path/filepath"
	"time"

	"github.com/astronnx/astronnx/internal/history"
)

// Epoch is a row of a run's history.
type Epoch struct {
	Epoch      int           // from 0
	Steps      int64         // changes of the parameters by its end
	Loss       float64       // mean over its steps, each before its change
	Validation float64       // loss of the validation data at its end; NaN without such data
	Rate       float64       // learning rate of its last step
	Elapsed    time.Duration // of the run by its end, earlier sessions included
}

// The files of a run's folder beside its checkpoints.
const (
	historyName = "history.csv"
	eventsName  = "events.out.tfevents.astronnx"
)

// record writes a run's history down, epoch by epoch. The nil record writes nothing.
type record struct {
	csv    *history.CSV
	events *history.Events
}

// openRecord opens the files of a folder to go on with an epoch.
func openRecord(dir string, epoch int) (*record, error) {
	csv, err := history.OpenCSV(filepath.Join(dir, historyName), epoch, "steps", "loss", "validation", "rate", "seconds")
	if err != nil {
		return nil, err
	}
	events, err := history.OpenEvents(filepath.Join(dir, eventsName), int64(epoch), time.Now())
	if err != nil {
		csv.Close()
		return nil, err
	}
	return &record{csv, events}, nil
}

func (r *record) append(e Epoch) error {
	if r == nil {
		return nil
	}
	if err := r.csv.Append(e.Epoch, float64(e.Steps), e.Loss, e.Validation, e.Rate, e.Elapsed.Seconds()); err != nil {
		return err
	}
	values := []history.Scalar{{Tag: "loss/training", Value: e.Loss}, {Tag: "rate", Value: e.Rate}}
	if !math.IsNaN(e.Validation) {
		values = append(values, history.Scalar{Tag: "loss/validation", Value: e.Validation})
	}
	return r.events.Append(time.Now(), int64(e.Epoch), values...)
}

func (r *record) close() {
	if r != nil {
		r.csv.Close()
		r.events.Close()
	}
}
