package sky

import (
	"archive/zip"
	"bytes"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"

	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/internal/errs"
)

// Rows is an array in a file, read row by row along its first axis. No file stays open between reads. What is not stored row by row,
// in Fortran order or compressed, is read whole by the first Read and kept.
//
// Many goroutines may read at once.
type Rows struct {
	Name  string // in an .npz file; empty for a .npy file
	DType graph.DType
	Shape []int64 // of the whole array: rank 1 or more

	path  string
	head  *npyHeader
	at    int64 // of row 0 in the file
	size  int   // bytes of a row
	whole func() (*graph.Tensor, error)
}

// OpenRows returns the array of a .npy file, or those of an .npz file in its order, without reading their elements. The limit, 0 for
// 8 GiB, bounds the bytes that a compressed array may unpack to.
func OpenRows(path string, limit int64) ([]*Rows, error) {
	list, err := openRows(path, limit)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return list, nil
}

func openRows(path string, limit int64) ([]*Rows, error) {
	src, closer, err := openSource(path, limit)
	if err != nil {
		return nil, err
	}
	defer closer.Close()
	magic := make([]byte, min(src.size, 8))
	if err := src.readAt(magic, 0); err != nil {
		return nil, err
	}
	_, streamed := src.ReaderAt.(*os.File)
	switch {
	case bytes.HasPrefix(magic, []byte(npyMagic)):
		r, err := npyRows(path, src, 0)
		if err != nil {
			return nil, err
		}
		if !streamed || r.head.fortran {
			r.whole = func() (*graph.Tensor, error) { return ReadCube(path, CubeOptions{Limit: limit}) }
		}
		return []*Rows{r.once()}, nil
	case bytes.HasPrefix(magic, []byte("PK")) && streamed:
		return npzRows(path, src, limit)
	}
	return nil, errs.New(errs.Invalid, "the file begins with %q: want .npy or .npz", magic)
}

// npyRows describes the array whose .npy bytes begin at an offset of the file.
func npyRows(path string, src source, at int64) (*Rows, error) {
	h, err := readNpyHeader(src)
	if err != nil {
		return nil, err
	}
	if len(h.shape) == 0 {
		return nil, errs.New(errs.Input, "a single number: want a first axis of rows")
	}
	n, _ := graph.NumElements(h.shape[1:])
	size, ok := graph.ByteSize(h.dtype, n)
	if !ok {
		return nil, errs.New(errs.Limit, "shape %v is larger than any file", h.shape)
	}
	return &Rows{DType: h.dtype, Shape: h.shape, path: path, head: h, at: at + h.offset, size: int(size)}, nil
}

func npzRows(path string, src source, limit int64) ([]*Rows, error) {
	z, err := zip.NewReader(src, src.size)
	if err != nil {
		return nil, errs.New(errs.Invalid, ".npz: %w", err)
	}
	var list []*Rows
	for _, f := range z.File {
		name, ok := strings.CutSuffix(f.Name, ".npy")
		if !ok {
			continue
		}
		r, err := entryRows(path, src, f)
		if err != nil {
			return nil, fmt.Errorf("array %q: %w", name, err)
		}
		r.Name = name
		if f.Method != zip.Store || r.head.fortran {
			r.whole = func() (*graph.Tensor, error) { return ReadCube(path, CubeOptions{Name: name, Limit: limit}) }
		}
		list = append(list, r.once())
	}
	return list, nil
}

func entryRows(path string, src source, f *zip.File) (*Rows, error) {
	if f.Method == zip.Store {
		at, err := f.DataOffset()
		if err != nil {
			return nil, errs.New(errs.Invalid, ".npz: %w", err)
		}
		if at < 0 || f.CompressedSize64 > uint64(src.size-min(at, src.size)) {
			return nil, errs.New(errs.Invalid, ".npz: %d bytes at offset %d in a file of %d", f.CompressedSize64, at, src.size)
		}
		n := int64(f.CompressedSize64)
		return npyRows(path, source{io.NewSectionReader(src, at, n), n}, at)
	}
	entry, err := f.Open()
	if err != nil {
		return nil, errs.New(errs.Invalid, ".npz: %w", err)
	}
	defer entry.Close()
	head, err := io.ReadAll(io.LimitReader(entry, maxNpyHeader))
	if err != nil {
		return nil, errs.New(errs.Invalid, ".npz: %w", err)
	}
	return npyRows(path, source{bytes.NewReader(head), int64(min(f.UncompressedSize64, 1<<62))}, 0)
}

// once makes whole read the array at most one time.
func (r *Rows) once() *Rows {
	if r.whole != nil {
		r.whole = sync.OnceValues(r.whole)
	}
	return r
}

// Len returns the number of rows.
func (r *Rows) Len() int { return int(r.Shape[0]) }

// RowBytes returns the size of a row.
func (r *Rows) RowBytes() int { return r.size }

// Read fills dst(k), of RowBytes bytes, with row index[k]. Ascending numbers are read fastest.
func (r *Rows) Read(index []int, dst func(k int) []byte) error {
	for _, i := range index {
		if i < 0 || i >= r.Len() {
			return errs.New(errs.Input, "%s: row %d: the array has rows 0 to %d", r.path, i, r.Len()-1)
		}
	}
	if r.whole != nil {
		t, err := r.whole()
		if err != nil {
			return err
		}
		if t.DType != r.DType || !slices.Equal(t.Shape, r.Shape) {
			return errs.New(errs.Invalid, "%s: %s where %s%v was: the file has changed", r.path, t, r.DType, r.Shape)
		}
		for k, i := range index {
			copy(dst(k), t.Raw[i*r.size:(i+1)*r.size])
		}
		return nil
	}
	f, err := os.Open(r.path)
	if err != nil {
		return errs.New(errs.Input, "%w", err)
	}
	defer f.Close()
	src := source{f, 0}
	for k, i := range index {
		row := dst(k)[:r.size]
		if err := src.readAt(row, r.at+int64(i)*int64(r.size)); err != nil {
			return fmt.Errorf("%s: row %d: %w", r.path, i, err)
		}
		r.head.repair(row)
	}
	return nil
}
