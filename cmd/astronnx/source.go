package main

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/astronnx/astronnx/dataset"
	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/internal/errs"
	"github.com/astronnx/astronnx/sky"
)

// source is what the files of a flag hold: arrays, maps or a table.
type source struct {
	flag    string
	paths   []string
	set     dataset.Dataset // nil for a table
	maps    bool
	table   *dataset.Table
	columns []string // that are chosen of the table
	notes   []string
}

// openSource opens files by their names. A single FITS file is a table where a table may be, else FITS files are maps.
func openSource(flag string, patterns, columns []string, tables bool, sphere sphere, unseen string) (*source, error) {
	s := &source{flag: flag, columns: columns}
	for _, p := range patterns {
		paths, err := dataset.Glob(p)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", flag, err)
		}
		s.paths = append(s.paths, paths...)
	}
	kind := ""
	for _, path := range s.paths {
		k := strings.ToLower(filepath.Ext(strings.TrimSuffix(path, ".gz")))
		switch k {
		case ".npy", ".npz":
			k = "arrays"
		case ".csv", ".txt", ".dat", ".tsv":
			k = "a table"
		case ".fits", ".fit", ".fts":
			k = "maps"
			if tables && len(s.paths) == 1 {
				k = "a table"
			}
		default:
			return nil, errs.New(errs.Input, "%s %s: expected .npy, .npz, .fits or a table in .csv or .txt", flag, path)
		}
		if kind != "" && (k != kind || k == "a table") {
			return nil, errs.New(errs.Input, "%s: %s holds %s, %s %s: expected files of one kind, and one table", flag, s.paths[0], kind, path, k)
		}
		kind = k
	}
	var err error
	switch kind {
	case "arrays":
		s.set, err = dataset.Arrays(s.paths)
	case "maps":
		s.maps = true
		s.set, err = openMaps(s.paths, columns, sphere, unseen)
	default:
		s.table, err = dataset.ReadTable(s.paths[0])
	}
	return s, err
}

// openMaps opens FITS maps as the network reads them.
func openMaps(paths, columns []string, sphere sphere, unseen string) (dataset.Dataset, error) {
	first, err := readMap(paths[0], sky.ReadOptions{})
	if err != nil {
		return nil, err
	}
	if len(columns) == 0 {
		for i := range min(len(first.Columns), max(sphere.channels, 0)) {
			columns = append(columns, strconv.Itoa(i))
		}
	}
	o := dataset.MapOptions{Order: sphere.order}
	for _, name := range columns {
		c, err := column(first, name)
		if err != nil {
			return nil, err
		}
		o.Read.Columns = append(o.Read.Columns, c.Name)
	}
	if unseen == "zero" {
		o.NoData = new(float32)
	}
	ds, err := dataset.Maps(paths, o)
	if err != nil || unseen != "auto" || sphere.masked {
		return ds, err
	}
	return unbroken{ds, paths}, nil
}

// unbroken are maps that must have data everywhere.
type unbroken struct {
	dataset.Dataset
	paths []string
}

func (u unbroken) Read(ctx context.Context, index []int, into []*graph.Tensor) error {
	if err := u.Dataset.Read(ctx, index, into); err != nil {
		return err
	}
	data := graph.Data[float32](into[0])
	for i, v := range data {
		if !isData(v) {
			return errs.New(errs.Input, "%s has pixels without data, and the network does not know masks", u.paths[index[i*len(index)/len(data)]]).
				WithHint("--unseen zero or keep says what the network reads there")
		}
	}
	return nil
}

// rows returns the table's rows in the order of the files that a column names, where there is such a column.
func (s *source) rows(files []string) (*source, error) {
	numbers := s.table.Numbers()
	for _, c := range s.table.Columns() {
		if slices.Contains(numbers, c) {
			continue
		}
		names, err := s.table.Groups(c)
		if err != nil || len(names) == 0 || !strings.Contains(strings.ToLower(names[0]), ".fits") {
			continue
		}
		out := *s
		out.notes = []string{fmt.Sprintf("%s: rows by the files in column %s", s.flag, c)}
		out.table, err = s.table.Match(c, files)
		return &out, err
	}
	return s, nil
}

// fill returns the dataset of the ports. A field is found by its name, or where one field and one port are left over by that. The
// field except is for something else.
func (s *source) fill(ports []port, except string) (dataset.Dataset, error) {
	if s.table != nil {
		return s.fillFromTable(ports, except)
	}
	fields := slices.DeleteFunc(slices.Clone(s.set.Fields()), func(f dataset.Field) bool { return f.Name == except })
	from := make([]int, len(ports))
	used := map[int]bool{}
	var left []int
	for i, p := range ports {
		from[i] = slices.IndexFunc(fields, func(f dataset.Field) bool { return f.Name == p.name })
		if used[from[i]] = true; from[i] < 0 {
			left = append(left, i)
		}
	}
	if len(left) == 1 {
		for k := range fields {
			if !used[k] && from[left[0]] < 0 && len(fields) == len(ports) {
				from[left[0]] = k
				s.notes = append(s.notes, fmt.Sprintf("%s: %s is %s", s.flag, fields[k].Name, ports[left[0]].name))
			}
		}
	}
	if slices.Contains(from, -1) {
		return nil, errs.New(errs.Input, "%s holds %s; the network and the loss read %s", s.flag, listed(portsLike(fields)), listed(ports)).
			WithHint("name arrays as what they are for, as in numpy.savez(file, %s=...)", ports[left[0]].name)
	}
	var names []string
	rename := map[string]string{}
	for i, k := range from {
		names = append(names, fields[k].Name)
		rename[fields[k].Name] = ports[i].name
	}
	ds, err := dataset.Pick(s.set, names...)
	if err != nil {
		return nil, err
	}
	if ds, err = dataset.Rename(ds, rename); err != nil {
		return nil, err
	}
	return shape(ds, ports), nil
}

func portsLike(fields []dataset.Field) []port {
	var list []port
	for _, f := range fields {
		list = append(list, port{name: f.Name, dtype: f.DType, shape: f.Shape})
	}
	return list
}

func listed(ports []port) string {
	names := make([]string, len(ports))
	for i, p := range ports {
		names[i] = p.String()
	}
	return strings.Join(names, ", ")
}

func (s *source) fillFromTable(ports []port, except string) (dataset.Dataset, error) {
	if len(ports) != 1 {
		return nil, errs.New(errs.Input, "%s %s is a table: it gives one vector, not %s", s.flag, s.paths[0], listed(ports)).
			WithHint("give arrays in an .npz file")
	}
	p, columns := ports[0], s.columns
	if len(columns) == 0 {
		columns = slices.DeleteFunc(s.table.Numbers(), func(c string) bool { return strings.EqualFold(c, except) })
	}
	want := 1
	for _, n := range p.shape {
		want *= int(n)
	}
	if len(columns) != want {
		return nil, errs.New(errs.Input, "%s %s: %d columns (%s) for %s", s.flag, s.paths[0], len(columns), strings.Join(columns, ", "), p).
			WithHint("--columns names %d of %s", want, strings.Join(s.table.Columns(), ", "))
	}
	if p.classes > 0 {
		return s.table.Labels(p.name, columns[0])
	}
	ds, err := s.table.Vector(p.name, columns...)
	if err != nil {
		return nil, err
	}
	return shape(ds, ports), nil
}

// shape leaves out, or puts in, axes of one element where ports have none, or have such.
func shape(ds dataset.Dataset, ports []port) dataset.Dataset {
	fields := slices.Clone(ds.Fields())
	changed := false
	for i, f := range fields {
		want := ports[slices.IndexFunc(ports, func(p port) bool { return p.name == f.Name })].shape
		if !slices.Equal(f.Shape, want) && slices.Equal(beyondOne(f.Shape), beyondOne(want)) {
			fields[i].Shape, changed = want, true
		}
	}
	if !changed {
		return ds
	}
	return shaped{ds, fields}
}

func beyondOne(shape []int64) []int64 {
	return slices.DeleteFunc(slices.Clone(shape), func(n int64) bool { return n == 1 })
}

// shaped is a dataset whose samples have the same elements in other shapes.
type shaped struct {
	dataset.Dataset
	fields []dataset.Field
}

func (s shaped) Fields() []dataset.Field { return s.fields }

func (s shaped) Read(ctx context.Context, index []int, into []*graph.Tensor) error {
	own := make([]*graph.Tensor, len(into))
	for i, f := range s.Dataset.Fields() {
		t := *into[i]
		t.Shape = append([]int64{int64(len(index))}, f.Shape...)
		own[i] = &t
	}
	return s.Dataset.Read(ctx, index, own)
}
