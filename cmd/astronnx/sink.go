package main

import (
	"cmp"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/healpix"
	"github.com/astronnx/astronnx/internal/errs"
	"github.com/astronnx/astronnx/sky"
)

// sink is where results go. Its files are reserved before the work begins and appear when all of it is done.
type sink struct {
	stage
	form  string              // "fits", "npy", "npz", "json", or "" for none
	path  string              // of the one file; empty for fits
	tmp   string              // its temporary name
	maps  []map[string]string // for fits: by map and output, the temporary name
	names map[string]string   // final names by temporary ones
	parts map[string][]*graph.Tensor
	order []string // outputs in the order in which they came
}

// newSink reserves the files that the name calls for. It fails where they cannot be written, or where the name does not tell the
// files of several maps or outputs apart.
func newSink(name string, overwrite bool, maps []string, outputs []*graph.Value) (*sink, error) {
	s := &sink{stage: stage{overwrite: overwrite}, parts: map[string][]*graph.Tensor{}, names: map[string]string{}}
	var asMaps []*graph.Value
	for _, v := range outputs {
		if mayBeMap(v) {
			asMaps = append(asMaps, v)
		}
	}
	if info, err := os.Stat(name); name != "" && (err == nil && info.IsDir() || strings.HasSuffix(name, "/")) {
		name = filepath.Join(name, "{map}_{output}.fits")
	}
	switch base := strings.ToLower(name); {
	case name == "" && len(asMaps) > 0:
		return nil, usagef("the network gives maps (%s): -o out.fits says where they go", portNames(asMaps))
	case name == "":
		return s, nil
	case strings.HasSuffix(base, ".fits"), strings.HasSuffix(base, ".fits.gz"), strings.HasSuffix(base, ".fit"):
		s.form = "fits"
		if len(asMaps) == 0 {
			return nil, errs.New(errs.Output, "the network gives no map for %s, but %s", name, portNames(outputs)).
				WithHint("-o out.json or out.npz holds it; without -o it is printed")
		}
		return s, s.reserveMaps(name, maps, asMaps)
	case strings.HasSuffix(base, ".npy"), strings.HasSuffix(base, ".npz"), strings.HasSuffix(base, ".json"):
		s.form, s.path = filepath.Ext(base)[1:], name
	default:
		return nil, usagef("-o %s: expected a name that ends in .fits, .fits.gz, .npy, .npz or .json, or a folder", name)
	}
	if s.form == "npy" && len(outputs) > 1 {
		return nil, usagef("-o %s holds one array, the network gives %s: choose by --output, or write .npz", name,
			portNames(outputs))
	}
	var err error
	s.tmp, err = s.add(s.path)
	return s, err
}

// reserveMaps reserves a file for each map and output.
func (s *sink) reserveMaps(name string, maps []string, outputs []*graph.Value) error {
	if len(maps) > 1 && !strings.Contains(name, "{map}") {
		return usagef("-o %s is one name for %d maps: put {map} into it, or name a folder", name, len(maps))
	}
	if len(outputs) > 1 && !strings.Contains(name, "{output}") {
		base, ext := splitExt(name)
		name = base + "_{output}" + ext
	}
	taken := map[string]bool{}
	for _, m := range maps {
		stem, _ := splitExt(filepath.Base(m))
		files := map[string]string{}
		for _, v := range outputs {
			path := strings.NewReplacer("{map}", stem, "{output}", fileName(v.Name)).Replace(name)
			if taken[path] {
				s.discard()
				return usagef("-o %s: two results would go to %s", name, path)
			}
			taken[path] = true
			tmp, err := s.add(path)
			if err != nil {
				s.discard()
				return err
			}
			files[v.Name] = tmp
			s.names[tmp] = path
		}
		s.maps = append(s.maps, files)
	}
	return nil
}

// splitExt parts a name before its extension, .gz included.
func splitExt(name string) (base, ext string) {
	ext = filepath.Ext(name)
	if strings.EqualFold(ext, ".gz") {
		ext = filepath.Ext(strings.TrimSuffix(name, ext)) + ext
	}
	return strings.TrimSuffix(name, ext), ext
}

// fileName is a name of an output without what file names must not hold.
func fileName(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || strings.ContainsRune(`/\:*?"<>|`, r) {
			return '_'
		}
		return r
	}, s)
	return cmp.Or(strings.TrimLeft(s, "."), "output")
}

// put takes the results of map number i and says what became of them.
func (s *sink) put(i int, f *fitted, gives map[string]facts, outputs []*graph.Value, results []*graph.Tensor) (
	[]outputReport, error) {
	reports := make([]outputReport, len(results))
	for k, t := range results {
		v := outputs[k]
		r := outputReport{Name: v.Name, Shape: t.Shape, Type: t.DType.String()}
		nside, ok := isMap(t)
		var m *sky.Map
		if ok {
			var err error
			if m, err = f.back(t, nside, gives[v.Name]); err != nil {
				return nil, fmt.Errorf("output %s: %w", v.Name, err)
			}
			r.Nside = nside
		}
		var err error
		switch {
		case s.form == "fits" && ok:
			tmp := s.maps[i][v.Name]
			r.File = s.names[tmp]
			err = sky.WriteMap(tmp, m)
		case s.form == "fits" && mayBeMap(v):
			s.drop(s.maps[i][v.Name]) // its shape was not known before
			r.Values, err = values(t)
		case s.form == "npy" || s.form == "npz":
			r.File = s.path
			err = s.keep(v.Name, t, m)
		case s.form == "json" && ok:
			r.Values, err = mapValues(m)
		case ok:
			err = errs.New(errs.Output, "output %s is a map of nside %d", v.Name, nside).WithHint("-o out.fits says where it goes")
		default:
			r.Names = gives[v.Name].columns
			r.Values, err = values(t)
		}
		if err != nil {
			return nil, err
		}
		reports[k] = r
	}
	return reports, nil
}

// keep adds a result to the arrays: a map in the order and on the pixels of the input, anything else as it is.
func (s *sink) keep(name string, t *graph.Tensor, m *sky.Map) error {
	if m != nil {
		t = pack(m)
	}
	if before := s.parts[name]; len(before) > 0 {
		if first := before[0]; first.DType != t.DType || !slices.Equal(first.Shape, t.Shape) {
			return errs.New(errs.Output, "output %s has shape %v for one map and %v for another: one array cannot hold both", name,
				first.Shape, t.Shape).WithHint("write .fits or .json")
		}
	} else {
		s.order = append(s.order, name)
	}
	s.parts[name] = append(s.parts[name], t)
	return nil
}

// pack returns the columns of a map as one tensor [1, C, P].
func pack(m *sky.Map) *graph.Tensor {
	first := m.Columns[0].Data
	out := graph.NewTensor(first.DType, 1, int64(len(m.Columns)), first.Len())
	for i, c := range m.Columns {
		copy(out.Raw[i*len(first.Raw):], c.Data.Raw)
	}
	return out
}

// join puts results of one shape together along their first axis; those of rank 0 make a vector.
func join(name string, parts []*graph.Tensor) *graph.Tensor {
	first := parts[0]
	shape := slices.Clone(first.Shape)
	if len(shape) == 0 {
		shape = []int64{1}
	}
	shape[0] *= int64(len(parts))
	out := graph.NewTensor(first.DType, shape...)
	out.Name = name
	for i, p := range parts {
		copy(out.Raw[i*len(first.Raw):], p.Raw)
	}
	return out
}

// close writes what is written last, gives all files their names and lists them.
func (s *sink) close(report *runReport) ([]string, error) {
	var err error
	switch s.form {
	case "json":
		err = sky.WriteFile(s.tmp, func(w io.Writer) error { return writeJSON(w, report) })
	case "npy", "npz":
		var arrays []*graph.Tensor
		for _, name := range s.order {
			arrays = append(arrays, join(name, s.parts[name]))
		}
		if s.form == "npy" {
			err = sky.WriteCube(s.tmp, arrays[0])
		} else {
			err = sky.WriteArrays(s.tmp, arrays...)
		}
	}
	if err != nil {
		return nil, err
	}
	files := s.paths()
	if err := s.commit(); err != nil {
		return nil, err
	}
	if s.form == "json" {
		// The file has the values; they need not be printed as well.
		for i := range report.Maps {
			for k := range report.Maps[i].Outputs {
				o := &report.Maps[i].Outputs[k]
				o.Values, o.File = nil, s.path
			}
		}
	}
	return files, nil
}

// values returns the numbers of a tensor as JSON can hold them, nested as its shape says but for a first axis of one.
func values(t *graph.Tensor) (any, error) {
	flat, err := numbers(t)
	if err != nil {
		return nil, err
	}
	shape := t.Shape
	if len(shape) > 1 && shape[0] == 1 {
		shape = shape[1:]
	}
	return nest(flat, shape), nil
}

func nest(flat []any, shape []int64) any {
	switch len(shape) {
	case 0:
		return flat[0]
	case 1:
		return flat
	}
	rows := make([]any, shape[0])
	if len(rows) == 0 {
		return rows
	}
	step := len(flat) / len(rows)
	for i := range rows {
		rows[i] = nest(flat[i*step:(i+1)*step], shape[1:])
	}
	return rows
}

// mapValues returns the columns of a map by name; pixels without data are null.
func mapValues(m *sky.Map) (any, error) {
	columns := map[string]any{}
	for _, c := range m.Columns {
		list, err := numbers(c.Data)
		if err != nil {
			return nil, err
		}
		for i, v := range list {
			switch x := v.(type) {
			case float32:
				if healpix.IsUnseen(x) {
					list[i] = nil
				}
			case float64:
				if healpix.IsUnseen(x) {
					list[i] = nil
				}
			}
		}
		columns[c.Name] = list
	}
	if m.Pixels != nil {
		columns["PIXEL"] = m.Pixels
	}
	return columns, nil
}

// numbers returns the elements of a tensor as JSON values; what is not finite is null.
func numbers(t *graph.Tensor) ([]any, error) {
	out := make([]any, t.Len())
	switch t.DType {
	case graph.Float32:
		for i, v := range graph.Data[float32](t) {
			out[i] = v
			if math.IsNaN(float64(v)) || math.IsInf(float64(v), 0) {
				out[i] = nil
			}
		}
	case graph.Float64:
		for i, v := range graph.Data[float64](t) {
			out[i] = v
			if math.IsNaN(v) || math.IsInf(v, 0) {
				out[i] = nil
			}
		}
	case graph.Int64:
		for i, v := range graph.Data[int64](t) {
			out[i] = v
		}
	case graph.Int32:
		for i, v := range graph.Data[int32](t) {
			out[i] = v
		}
	case graph.Bool:
		for i, v := range graph.Data[bool](t) {
			out[i] = v
		}
	case graph.String:
		for i, v := range t.Strings {
			out[i] = v
		}
	default:
		return nil, errs.New(errs.Output, "values of type %v cannot be printed", t.DType).WithHint("write .npy or .npz")
	}
	return out, nil
}
