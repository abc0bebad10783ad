package dataset

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"sync"

	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/internal/errs"
	"github.com/astronnx/astronnx/sky"
)

// The files that [WriteShards] makes beside the shards.
const (
	ManifestFile = "manifest.json"
	ParamsFile   = "params.csv" // beside FITS maps: a column "file", and one for each of the parameters
)

// ShardOptions say how [WriteShards] writes samples.
type ShardOptions struct {
	Size  int // samples of a shard; 0: 1000
	About any // what the samples are; becomes a JSON object of the manifest

	// FITS has a map written for each sample, for [Maps] and [Table] to read: the first field, [C, P], becomes the C columns of a map
	// with the nside, the order, the columns' names and units and the cards of this one, which holds no data. The second field, float32
	// [k], goes to params.csv under the names of Params. Nil writes .npz files for [Arrays], an array a field.
	FITS   *sky.Map
	Params []string

	Progress func(samples int) // is told how many are in files, or about to be; nil: nobody is
}

// Manifest tells what is in a folder of shards.
type Manifest struct {
	About   json.RawMessage `json:"about"`
	Format  string          `json:"format"` // "npz" or "fits"
	Samples int             `json:"samples"`
	Shard   int             `json:"shard"` // samples that are written at once
	Fields  []ManifestField `json:"fields"`
	Files   []ManifestEntry `json:"files"` // those that are complete, in the order of samples

	Kept    int      `json:"-"` // samples that were there before
	Damaged []string `json:"-"` // files that were there and had to be made again
}

// ManifestField is a [Field] in words.
type ManifestField struct {
	Name  string  `json:"name"`
	Type  string  `json:"type"`
	Shape []int64 `json:"shape"`
}

// ManifestEntry is a file of samples.
type ManifestEntry struct {
	File    string    `json:"file"`
	Samples int       `json:"samples"`
	SHA256  string    `json:"sha256"`
	Params  []float32 `json:"params,omitempty"` // of a FITS map
}

// WriteShards writes a dataset into a folder, in files that read back as the same samples, and a manifest with their SHA-256. Each file
// appears whole or not at all, and the manifest after each shard. Where the folder holds a manifest of the same samples, what is complete
// by its checksum is kept and the rest is made; a manifest of others is refused with errs.Output. When ctx ends the error is
// errs.Canceled, and the manifest returned is that of what is there.
func WriteShards(ctx context.Context, ds Dataset, folder string, o ShardOptions) (*Manifest, error) {
	if o.Size == 0 {
		o.Size = 1000
	}
	if o.Progress == nil {
		o.Progress = func(int) {}
	}
	s := &sharder{ds: ds, folder: folder, o: o, done: map[string]ManifestEntry{}}
	if err := s.check(); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(folder, 0o777); err != nil {
		return nil, errs.New(errs.Output, "%w", err)
	}
	if err := s.before(); err != nil {
		return nil, err
	}
	m := &s.manifest
	for from := 0; from < m.Samples; from += o.Size {
		to := min(from+o.Size, m.Samples)
		if s.complete(from, to) {
			o.Progress(to)
			continue
		}
		if err := s.write(ctx, from, to); err != nil {
			if ctx.Err() != nil {
				err = errs.New(errs.Canceled, "%d of %d samples are written", m.written(), m.Samples)
			}
			return m, err
		}
		if err := s.tell(); err != nil {
			return m, err
		}
	}
	if o.FITS != nil {
		return m, s.table()
	}
	return m, nil
}

// written is the number of samples in files.
func (m *Manifest) written() int {
	n := 0
	for _, e := range m.Files {
		n += e.Samples
	}
	return n
}

// sharder writes the files of a folder.
type sharder struct {
	ds       Dataset
	folder   string
	o        ShardOptions
	manifest Manifest
	done     map[string]ManifestEntry // by file
}

func (s *sharder) check() error {
	fields := s.ds.Fields()
	if err := checkFields(fields); err != nil {
		return err
	}
	n := s.ds.Len()
	if s.o.Size < 1 || n < 1 {
		return errs.New(errs.Input, "%d samples in shards of %d: want at least one in both", n, s.o.Size)
	}
	about, err := json.Marshal(s.o.About)
	if err != nil {
		return errs.New(errs.Input, "what the samples are: %w", err)
	}
	s.manifest = Manifest{About: about, Format: "npz", Samples: n, Shard: s.o.Size}
	for _, f := range fields {
		s.manifest.Fields = append(s.manifest.Fields, ManifestField{f.Name, f.DType.String(), f.Shape})
	}
	if s.o.FITS == nil {
		return nil
	}
	s.manifest.Format = "fits"
	c, k := int64(len(s.o.FITS.Columns)), int64(len(s.o.Params))
	p := int64(s.o.FITS.Nside) * int64(s.o.FITS.Nside) * 12
	if len(fields) != 2 || !slices.Equal(fields[0].Shape, []int64{c, p}) || !slices.Equal(fields[1].Shape, []int64{k}) ||
		fields[1].DType != graph.Float32 {
		return errs.New(errs.Input, "FITS of %v: want a field [%d, %d], of the map's columns and pixels, and one float32[%d], of parameters", fields, c, p, k)
	}
	return nil
}

// before finds what the folder holds by its manifest; without one, no file may be where those of the shards go.
func (s *sharder) before() error {
	path := filepath.Join(s.folder, ManifestFile)
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		if there, _ := filepath.Glob(filepath.Join(s.folder, "*."+s.manifest.Format)); len(there) > 0 {
			return errs.New(errs.Output, "%s exists, and no %s tells what it holds", there[0], ManifestFile).
				WithHint("shards go to a folder of their own")
		}
		return s.tell()
	} else if err != nil {
		return errs.New(errs.Output, "%w", err)
	}
	mine, err := json.Marshal(s.manifest)
	if err != nil {
		return errs.New(errs.Input, "%w", err)
	}
	var m Manifest
	var old, own map[string]any
	if err := errors.Join(json.Unmarshal(text, &m), json.Unmarshal(text, &old), json.Unmarshal(mine, &own)); err != nil {
		return errs.New(errs.Output, "%s is no manifest of samples: %w", path, err).WithHint("shards go to a folder of their own")
	}
	delete(old, "files")
	delete(own, "files")
	if what := differs("", old, own); what != "" {
		return errs.New(errs.Output, "%s holds other samples: %s", s.folder, what).WithHint("name another folder, or remove this one")
	}
	s.manifest.Files = m.Files
	for _, e := range m.Files {
		s.done[e.File] = e
	}
	return nil
}

// differs says where two objects of JSON first differ; nothing if they do not.
func differs(name string, there, here any) string {
	a, isA := there.(map[string]any)
	b, isB := here.(map[string]any)
	if !isA || !isB {
		if reflect.DeepEqual(there, here) {
			return ""
		}
		return fmt.Sprintf("%s is %s there, %s here", name, inJSON(there), inJSON(here))
	}
	var keys []string
	for k := range a {
		keys = append(keys, k)
	}
	for k := range b {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	for _, k := range keys {
		if what := differs(k, a[k], b[k]); what != "" {
			return what
		}
	}
	return ""
}

func inJSON(v any) string {
	if v == nil {
		return "not told"
	}
	text, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	if len(text) > 60 {
		return string(text[:60]) + "…"
	}
	return string(text)
}

// names are the files of samples from and up to to.
func (s *sharder) names(from, to int) []string {
	if s.o.FITS == nil {
		last := (s.manifest.Samples - 1) / s.o.Size
		return []string{fmt.Sprintf("shard-%0*d.npz", max(5, len(strconv.Itoa(last))), from/s.o.Size)}
	}
	var list []string
	for i := from; i < to; i++ {
		list = append(list, fmt.Sprintf("sky-%0*d.fits", max(6, len(strconv.Itoa(s.manifest.Samples-1))), i))
	}
	return list
}

// complete reports a shard whose files are all there as the manifest says.
func (s *sharder) complete(from, to int) bool {
	whole := true
	for _, name := range s.names(from, to) {
		e, ok := s.done[name]
		if !ok {
			return false
		}
		if sum, err := sumOf(filepath.Join(s.folder, name)); err != nil || sum != e.SHA256 {
			s.manifest.Damaged = append(s.manifest.Damaged, name)
			whole = false
		}
	}
	if whole {
		s.manifest.Kept += to - from
	}
	return whole
}

func sumOf(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// writers is how many files of a shard are written at a time: each waits for the disk.
const writers = 8

// write makes the files of a shard.
func (s *sharder) write(ctx context.Context, from, to int) error {
	tensors, err := readRange(ctx, s.ds, from, to, func(n int) { s.o.Progress(from + n) })
	if err != nil {
		return err
	}
	names := s.names(from, to)
	entries, failures := make([]ManifestEntry, len(names)), make([]error, writers)
	var group sync.WaitGroup
	for w := range writers {
		group.Go(func() {
			for i := w; i < len(names) && failures[w] == nil; i += writers {
				if failures[w] = ctx.Err(); failures[w] == nil {
					entries[i], failures[w] = s.file(names[i], tensors, i)
				}
			}
		})
	}
	group.Wait()
	if err := cmp.Or(failures...); err != nil {
		return err
	}
	for _, e := range entries {
		s.done[e.File] = e
	}
	return nil
}

// file writes the file of a shard's samples, or the map of sample i of them.
func (s *sharder) file(name string, tensors []*graph.Tensor, i int) (ManifestEntry, error) {
	e := ManifestEntry{File: name, Samples: int(tensors[0].Shape[0])}
	write := func(w io.Writer) error { return sky.WriteArraysTo(w, tensors...) }
	if s.o.FITS != nil {
		k := len(s.o.Params)
		e.Samples, e.Params = 1, graph.Data[float32](tensors[1])[i*k:(i+1)*k]
		write = func(w io.Writer) error { return sky.WriteMapTo(w, s.mapOf(tensors[0], i)) }
	}
	h := sha256.New()
	err := sky.WriteFile(filepath.Join(s.folder, name), func(w io.Writer) error { return write(io.MultiWriter(w, h)) })
	e.SHA256 = hex.EncodeToString(h.Sum(nil))
	return e, err
}

// mapOf is sample i as a map.
func (s *sharder) mapOf(t *graph.Tensor, i int) *sky.Map {
	m := *s.o.FITS
	m.Columns = slices.Clone(m.Columns)
	size := len(t.Raw) / int(t.Shape[0]) / len(m.Columns)
	for c := range m.Columns {
		m.Columns[c].Data = &graph.Tensor{DType: t.DType, Shape: t.Shape[2:], Raw: t.Raw[(i*len(m.Columns)+c)*size:][:size]}
	}
	return &m
}

// tell writes the manifest of what is there.
func (s *sharder) tell() error {
	m := &s.manifest
	m.Files = m.Files[:0]
	for _, name := range slices.Sorted(maps.Keys(s.done)) {
		m.Files = append(m.Files, s.done[name])
	}
	return sky.WriteFile(filepath.Join(s.folder, ManifestFile), func(w io.Writer) error {
		e := json.NewEncoder(w)
		e.SetIndent("", " ")
		e.SetEscapeHTML(false)
		return e.Encode(m)
	})
}

// table writes the parameters of maps.
func (s *sharder) table() error {
	return sky.WriteFile(filepath.Join(s.folder, ParamsFile), func(w io.Writer) error {
		c := csv.NewWriter(w)
		row := append([]string{"file"}, s.o.Params...)
		if err := c.Write(row); err != nil {
			return err
		}
		for _, e := range s.manifest.Files {
			row = append(row[:0], e.File)
			for _, v := range e.Params {
				row = append(row, strconv.FormatFloat(float64(v), 'g', -1, 32))
			}
			if err := c.Write(row); err != nil {
				return err
			}
		}
		c.Flush()
		return c.Error()
	})
}
