package history

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"strconv"

	"github.com/astronnx/astronnx/internal/errs"
)

// CSV is a table with a header and one row an epoch: its number and a value for each column. One goroutine uses it at a time.
type CSV struct {
	file    *file
	columns int
}

// OpenCSV opens a table to go on with an epoch, and makes it if it is not there. Rows from that epoch on are removed; the columns of
// an older table must be the same.
func OpenCSV(path string, epoch int, columns ...string) (*CSV, error) {
	head := line(append([]string{"epoch"}, columns...))
	f, err := openFile(path, func(data []byte) (int, error) { return keepRows(data, head, epoch) })
	if err != nil {
		return nil, err
	}
	c := &CSV{f, len(columns)}
	if f.end == 0 {
		if err := f.append(head); err != nil {
			f.close()
			return nil, err
		}
	}
	return c, nil
}

// keepRows returns where the first row of the epoch or a later one begins, or the first that is not whole.
func keepRows(data, head []byte, epoch int) (int, error) {
	first := bytes.IndexByte(data, '\n') + 1
	if first == 0 && bytes.HasPrefix(head, data) {
		return 0, nil
	}
	if !bytes.Equal(data[:first], head) {
		return 0, errs.New(errs.Input, "its first line is %.200q: want %q", bytes.TrimSpace(data[:first]), bytes.TrimSpace(head)).
			WithHint("move the file away")
	}
	for n := first; ; {
		size := bytes.IndexByte(data[n:], '\n') + 1
		if size == 0 {
			return n, nil
		}
		number, _, _ := bytes.Cut(data[n:n+size], []byte(","))
		e, err := strconv.Atoi(string(bytes.TrimSpace(number)))
		if err != nil {
			return 0, errs.New(errs.Invalid, "row %q: want the number of an epoch first", bytes.TrimSpace(data[n:n+size]))
		}
		if e >= epoch {
			return n, nil
		}
		n += size
	}
}

// Append writes the row of an epoch. Values are written so that they read back to the same bits.
func (c *CSV) Append(epoch int, values ...float64) error {
	if len(values) != c.columns {
		return errs.New(errs.Input, "%d values for %d columns", len(values), c.columns)
	}
	row := []string{fmt.Sprint(epoch)}
	for _, v := range values {
		row = append(row, strconv.FormatFloat(v, 'g', -1, 64))
	}
	return c.file.append(line(row))
}

// Close ends the use of the file.
func (c *CSV) Close() error { return c.file.close() }

func line(row []string) []byte {
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	w.Write(row) // a Buffer takes everything
	w.Flush()
	return b.Bytes()
}
