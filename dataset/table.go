package dataset

import (
	"math"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/internal/errs"
	"github.com/astronnx/astronnx/sky"
)

// Table holds what is known of the samples, one row each: parameters, labels, the names of files, the simulation a sample is from.
type Table struct {
	path    string
	columns []sky.Column
	row     []int // of each sample
}

// ReadTable reads a FITS binary table or text of columns, see [sky.ReadTable]. Row i is of sample i.
func ReadTable(path string) (*Table, error) {
	columns, err := sky.ReadTable(path, sky.ReadOptions{})
	if err != nil {
		return nil, err
	}
	t := &Table{path: path, columns: columns, row: make([]int, columns[0].Data.Shape[0])}
	for i := range t.row {
		t.row[i] = i
	}
	return t, nil
}

// Len returns the number of samples.
func (t *Table) Len() int { return len(t.row) }

func (t *Table) column(name string) (*sky.Column, error) {
	var have []string
	for i := range t.columns {
		if strings.EqualFold(t.columns[i].Name, name) {
			return &t.columns[i], nil
		}
		have = append(have, t.columns[i].Name)
	}
	return nil, errs.New(errs.Input, "%s: no column %q", t.path, name).WithHint("the table has %q", have)
}

// Match returns the table whose sample i has the row that names paths[i] in the column. Folders do not count.
func (t *Table) Match(column string, paths []string) (*Table, error) {
	names, err := t.Groups(column)
	if err != nil {
		return nil, err
	}
	row := map[string]int{}
	for i, name := range names {
		base := filepath.Base(name)
		if _, ok := row[base]; ok {
			return nil, errs.New(errs.Input, "%s: column %q names %q twice", t.path, column, base)
		}
		row[base] = t.row[i]
	}
	out := &Table{path: t.path, columns: t.columns}
	for _, path := range paths {
		r, ok := row[filepath.Base(path)]
		if !ok {
			return nil, errs.New(errs.Input, "%s: column %q does not name %q", t.path, column, filepath.Base(path))
		}
		out.row = append(out.row, r)
	}
	return out, nil
}

// Groups returns a column as text, one of each sample, for [SplitByGroup].
func (t *Table) Groups(column string) ([]string, error) {
	c, err := t.column(column)
	if err != nil {
		return nil, err
	}
	if len(c.Data.Shape) != 1 {
		return nil, errs.New(errs.Input, "%s: column %q has %d values a row: want one", t.path, c.Name, c.Data.Shape[1])
	}
	out := make([]string, len(t.row))
	var numbers []float64
	if c.Data.DType != graph.String {
		numbers = c.Float64()
	}
	for i, r := range t.row {
		if numbers == nil {
			out[i] = c.Data.Strings[r]
		} else {
			out[i] = strconv.FormatFloat(numbers[r], 'f', -1, 64)
		}
	}
	return out, nil
}

// numbers returns a column of one number a row.
func (t *Table) numbers(column string) ([]float64, error) {
	c, err := t.column(column)
	if err != nil {
		return nil, err
	}
	if c.Data.DType == graph.String || len(c.Data.Shape) != 1 {
		return nil, errs.New(errs.Input, "%s: column %q is %s: want one number a row", t.path, c.Name, c.Data)
	}
	all := c.Float64()
	out := make([]float64, len(t.row))
	for i, r := range t.row {
		if out[i] = all[r]; c.Null != nil && out[i] == float64(*c.Null) {
			out[i] = math.NaN()
		}
	}
	return out, nil
}

// Vector returns the dataset of one field, the named columns as float32 [len(columns)].
func (t *Table) Vector(field string, columns ...string) (Dataset, error) {
	out := graph.NewTensor(graph.Float32, int64(len(t.row)), int64(len(columns)))
	out.Name = field
	data := graph.Data[float32](out)
	for k, name := range columns {
		values, err := t.numbers(name)
		if err != nil {
			return nil, err
		}
		for i, v := range values {
			data[i*len(columns)+k] = float32(v)
		}
	}
	return Memory(out)
}

// Labels returns the dataset of one field, a column of whole numbers as int64 of rank 0.
func (t *Table) Labels(field, column string) (Dataset, error) {
	values, err := t.numbers(column)
	if err != nil {
		return nil, err
	}
	out := graph.NewTensor(graph.Int64, int64(len(t.row)))
	out.Name = field
	for i, v := range values {
		if v != math.Trunc(v) || math.Abs(v) > 1<<53 {
			return nil, errs.New(errs.Input, "%s: sample %d, column %q: %g is no whole number", t.path, i, column, v)
		}
		graph.Data[int64](out)[i] = int64(v)
	}
	return Memory(out)
}

// Columns returns the names of the columns.
func (t *Table) Columns() []string { return t.names(func(*sky.Column) bool { return true }) }

// Numbers returns the names of the columns of one number a row.
func (t *Table) Numbers() []string {
	return t.names(func(c *sky.Column) bool { return c.Data.DType != graph.String && len(c.Data.Shape) == 1 })
}

func (t *Table) names(which func(*sky.Column) bool) []string {
	var names []string
	for i := range t.columns {
		if which(&t.columns[i]) {
			names = append(names, t.columns[i].Name)
		}
	}
	return names
}
