package train

import (
	"encoding/csv"
	"io"
	"math"
	"strconv"
	"time"

	"github.com/astronnx/astronnx/sky"
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

// WriteHistory writes a history as CSV with a header, whole or not at all.
func WriteHistory(path string, history []Epoch) error {
	return sky.WriteFile(path, func(w io.Writer) error {
		c := csv.NewWriter(w)
		rows := [][]string{{"epoch", "steps", "loss", "validation", "rate", "seconds"}}
		number := func(x float64) string {
			if math.IsNaN(x) {
				return ""
			}
			return strconv.FormatFloat(x, 'g', -1, 64)
		}
		for _, e := range history {
			rows = append(rows, []string{strconv.Itoa(e.Epoch), strconv.FormatInt(e.Steps, 10), number(e.Loss), number(e.Validation),
				number(e.Rate), strconv.FormatFloat(e.Elapsed.Seconds(), 'f', 3, 64)})
		}
		return c.WriteAll(rows)
	})
}
