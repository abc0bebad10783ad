package dataset

import (
	"cmp"
	"context"
	"path/filepath"
	"slices"
	"sort"
	"strings"
	"sync"

	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/internal/errs"
	"github.com/astronnx/astronnx/sky"
)

// Glob returns the files that a pattern matches, sorted by name; none is an error.
func Glob(pattern string) ([]string, error) {
	paths, err := filepath.Glob(pattern)
	if err != nil {
		return nil, errs.New(errs.Input, "%q: %w", pattern, err)
	}
	if len(paths) == 0 {
		return nil, errs.New(errs.Input, "no file matches %q", pattern)
	}
	slices.Sort(paths)
	return paths, nil
}

// Arrays returns the dataset of .npy or .npz files whose first axis counts samples. Several files are shards, one after the other. The
// fields are the named arrays of an .npz file, or all if none is named; that of a .npy file has the one name, or "data".
//
// Samples are read from the files when they are asked for, see [sky.Rows].
func Arrays(paths []string, names ...string) (Dataset, error) {
	if len(paths) == 0 {
		return nil, errs.New(errs.Input, "no files: want .npy or .npz")
	}
	a := &arrays{}
	for _, path := range paths {
		s, err := openShard(path, names)
		if err != nil {
			return nil, err
		}
		var fields []Field
		for _, r := range s.rows {
			fields = append(fields, Field{Name: r.Name, DType: r.DType, Shape: slices.Clone(r.Shape[1:])})
			if r.Len() != s.rows[0].Len() {
				return nil, errs.New(errs.Input, "%s: array %q has %d rows, array %q has %d: want one a sample in both", path,
					s.rows[0].Name, s.rows[0].Len(), r.Name, r.Len()).WithHint("name the arrays that are fields")
			}
		}
		if a.fields == nil {
			if err := checkFields(fields); err != nil {
				return nil, err
			}
			a.fields = fields
		}
		if !slices.EqualFunc(fields, a.fields, sameField) {
			return nil, errs.New(errs.Input, "%s holds %v, %s holds %v: want the same fields", path, fields, paths[0], a.fields)
		}
		s.first = a.n
		a.n += s.rows[0].Len()
		a.shards = append(a.shards, s)
	}
	return a, nil
}

func sameField(a, b Field) bool {
	return a.Name == b.Name && a.DType == b.DType && slices.Equal(a.Shape, b.Shape)
}

type arrays struct {
	fields  []Field
	shards  []shard
	n       int
	scratch sync.Pool // of *plan
}

// shard is a file of consecutive samples.
type shard struct {
	rows  []*sky.Rows // one a field
	first int         // number of its first sample
}

func openShard(path string, names []string) (shard, error) {
	all, err := sky.OpenRows(path, 0)
	if err != nil {
		return shard{}, err
	}
	if len(all) == 0 {
		return shard{}, errs.New(errs.Input, "%s holds no arrays", path)
	}
	if all[0].Name == "" { // .npy
		switch len(names) {
		case 0:
			all[0].Name = "data"
		case 1:
			all[0].Name = names[0]
		default:
			return shard{}, errs.New(errs.Input, "%s holds one array: want it by one name, not %q", path, names)
		}
		return shard{rows: all}, nil
	}
	if len(names) == 0 { // the order of an .npz file means nothing
		slices.SortFunc(all, func(a, b *sky.Rows) int { return strings.Compare(a.Name, b.Name) })
		return shard{rows: all}, nil
	}
	var s shard
	var have []string
	for _, r := range all {
		have = append(have, r.Name)
	}
	for _, name := range names {
		i := slices.Index(have, name)
		if i < 0 {
			return shard{}, errs.New(errs.Input, "%s: no array %q", path, name).WithHint("the file has %q", have)
		}
		s.rows = append(s.rows, all[i])
	}
	return s, nil
}

func (a *arrays) Len() int        { return a.n }
func (a *arrays) Fields() []Field { return a.fields }

// plan is the order in which a batch is read: file by file, forwards in each.
type plan struct {
	at   []int // places in the batch
	rows []int // of a shard, at those places
}

func (a *arrays) Read(ctx context.Context, index []int, into []*graph.Tensor) error {
	if err := checkRead(a, index, into); err != nil {
		return err
	}
	p, ok := a.scratch.Get().(*plan)
	if !ok {
		p = new(plan)
	}
	defer a.scratch.Put(p)
	p.at = p.at[:0]
	for k := range index {
		p.at = append(p.at, k)
	}
	slices.SortFunc(p.at, func(x, y int) int { return cmp.Compare(index[x], index[y]) })
	for from := 0; from < len(p.at); {
		if err := ctx.Err(); err != nil {
			return err
		}
		i := index[p.at[from]]
		s := &a.shards[sort.Search(len(a.shards), func(k int) bool { return a.shards[k].first > i })-1]
		to := from
		p.rows = p.rows[:0]
		for ; to < len(p.at) && index[p.at[to]] < s.first+s.rows[0].Len(); to++ {
			p.rows = append(p.rows, index[p.at[to]]-s.first)
		}
		for f, r := range s.rows {
			size := r.RowBytes()
			err := r.Read(p.rows, func(k int) []byte { return into[f].Raw[p.at[from+k]*size:][:size] })
			if err != nil {
				return err
			}
		}
		from = to
	}
	return nil
}
