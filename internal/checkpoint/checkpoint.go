// Package checkpoint keeps the state of a training on disk: one file a checkpoint, written wholly or not at all, and read only if
// every bit is as it was written.
//
// A checkpoint is an .npz file, which numpy.load opens: each tensor is an uncompressed .npy entry under its name, and the entry
// meta.json says the format's version, the tensors' names, types and shapes, and holds the caller's document. The zip comment, the
// file's last 71 bytes, is "sha256:" and the digest of all bytes before the comment in hexadecimal digits.
package checkpoint

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/internal/errs"
	"github.com/astronnx/astronnx/sky"
)

const (
	format  = "astronnx checkpoint"
	version = 1

	metaName   = "meta.json"
	mark       = "sha256:"
	commentLen = len(mark) + 2*sha256.Size
)

type meta struct {
	Format   string          `json:"format"`
	Version  int             `json:"version"`
	Tensors  []entry         `json:"tensors"`
	Document json.RawMessage `json:"document"`
}

// entry describes a tensor. Numpy has no bfloat16 and no floats of eight bits: their entries are unsigned integers of their size.
type entry struct {
	Name  string  `json:"name"`
	DType string  `json:"dtype"`
	Shape []int64 `json:"shape"`
}

// Write makes a file of tensors, which have names, and of a document that encoding/json can write. It is atomic as [sky.WriteFile] is:
// an error leaves what was at path before.
func Write(path string, document any, tensors ...*graph.Tensor) error {
	m := meta{Format: format, Version: version, Tensors: []entry{}}
	var err error
	if m.Document, err = json.Marshal(document); err != nil {
		return errs.New(errs.Input, "the checkpoint's document: %w", err)
	}
	seen := map[string]bool{}
	for _, t := range tensors {
		if t.Name == "" || seen[t.Name] {
			return errs.New(errs.Input, "tensor name %q is empty or used twice: want every name once", t.Name)
		}
		seen[t.Name] = true
		if err := t.Check(); err != nil {
			return errs.New(errs.Input, "tensor %q: %w", t.Name, err)
		}
		if t.Kind != graph.TensorKind || t.DType.Bits() < 8 || !t.Loaded() {
			return errs.New(errs.Input, "tensor %q is %s: want numbers of whole bytes, in memory", t.Name, t)
		}
		m.Tensors = append(m.Tensors, entry{t.Name, t.DType.String(), append([]int64{}, t.Shape...)})
	}
	text, err := json.MarshalIndent(m, "", " ")
	if err != nil {
		return errs.New(errs.Input, "the checkpoint's document: %w", err)
	}
	return sky.WriteFile(path, func(w io.Writer) error { return write(w, text, tensors) })
}

func write(w io.Writer, text []byte, tensors []*graph.Tensor) error {
	s := &signer{w: w, sum: sha256.New()}
	z := zip.NewWriter(s)
	create := func(name string) (io.Writer, error) {
		return z.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Store})
	}
	e, err := create(metaName)
	if err != nil {
		return err
	}
	if _, err := e.Write(text); err != nil {
		return err
	}
	for _, t := range tensors {
		e, err := create(t.Name + ".npy")
		if err != nil {
			return errs.New(errs.Input, "tensor %q: %w", t.Name, err)
		}
		if err := sky.WriteNpyTo(e, stored(t)); err != nil {
			return err
		}
	}
	if err := z.SetComment(strings.Repeat(" ", commentLen)); err != nil {
		return err
	}
	if err := z.Flush(); err != nil {
		return err
	}
	s.held = new(bytes.Buffer) // what ends in the comment
	if err := z.Close(); err != nil {
		return err
	}
	end := s.held.Bytes()
	end = end[:len(end)-commentLen]
	s.held = nil
	if _, err := s.Write(end); err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, "%s%x", mark, s.sum.Sum(nil))
	return err
}

// signer hashes what it writes.
type signer struct {
	w    io.Writer
	sum  hash.Hash
	held *bytes.Buffer // takes the bytes instead, if there is one
}

func (s *signer) Write(p []byte) (int, error) {
	if s.held != nil {
		return s.held.Write(p)
	}
	s.sum.Write(p)
	return s.w.Write(p)
}

// stored returns t, or the same bytes as a type that numpy has.
func stored(t *graph.Tensor) *graph.Tensor {
	d := storage(t.DType)
	if d == t.DType {
		return t
	}
	u := *t
	u.DType = d
	return &u
}

func storage(d graph.DType) graph.DType {
	switch {
	case d == graph.BFloat16:
		return graph.Uint16
	case d.IsFloat() && d.Bits() == 8:
		return graph.Uint8
	}
	return d
}

// Read returns the tensors of a file in the order in which they were written, and puts its document into document as encoding/json does,
// unless that is nil. A file that differs from what was written in any bit is errs.Invalid.
func Read(path string, document any) ([]*graph.Tensor, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, errs.New(errs.Input, "%w", err)
	}
	defer f.Close()
	tensors, err := read(f, document)
	if err != nil {
		return nil, fmt.Errorf("checkpoint %s: %w", path, err)
	}
	return tensors, nil
}

func read(f *os.File, document any) ([]*graph.Tensor, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, errs.New(errs.Input, "%w", err)
	}
	if err := verify(f, info.Size()); err != nil {
		return nil, err
	}
	z, err := zip.NewReader(f, info.Size())
	if err != nil {
		return nil, errs.New(errs.Invalid, "%w", err)
	}
	if len(z.File) == 0 || z.File[0].Name != metaName {
		return nil, errs.New(errs.Invalid, "the first entry is not %s", metaName)
	}
	text, err := content(z.File[0], info.Size())
	if err != nil {
		return nil, err
	}
	var m meta
	if err := json.Unmarshal(text, &m); err != nil {
		return nil, errs.New(errs.Invalid, "%s: %w", metaName, err)
	}
	if m.Format != format || m.Version != version {
		return nil, errs.New(errs.Invalid, "format %q, version %d: want %q, version %d", m.Format, m.Version, format, version).
			WithHint("read it with the release that wrote it")
	}
	if len(m.Tensors) != len(z.File)-1 {
		return nil, errs.New(errs.Invalid, "%d tensors in %d entries", len(m.Tensors), len(z.File)-1)
	}
	tensors := make([]*graph.Tensor, len(m.Tensors))
	for i, e := range m.Tensors {
		if tensors[i], err = e.read(z.File[i+1], info.Size()); err != nil {
			return nil, fmt.Errorf("tensor %q: %w", e.Name, err)
		}
	}
	if document != nil {
		if err := json.Unmarshal(m.Document, document); err != nil {
			return nil, errs.New(errs.Invalid, "the document: %w", err)
		}
	}
	return tensors, nil
}

// errDamaged marks a file that is not as it was written.
var errDamaged = errors.New("damaged")

func damaged(text string, args ...any) error {
	return errs.New(errs.Invalid, "%w: %w", errDamaged, fmt.Errorf(text, args...))
}

// verify compares the digest at the end of the file with that of the bytes before.
func verify(f *os.File, size int64) error {
	comment := make([]byte, commentLen)
	n := size - int64(commentLen)
	if n < 0 {
		return damaged("%d bytes: it is truncated", size)
	}
	if _, err := f.ReadAt(comment, n); err != nil {
		return damaged("%w", err)
	}
	want, ok := strings.CutPrefix(string(comment), mark)
	if _, err := hex.DecodeString(want); !ok || err != nil {
		return damaged("it does not end in %q and a digest: it is truncated, or no checkpoint", mark)
	}
	sum := sha256.New()
	if _, err := io.Copy(sum, io.NewSectionReader(f, 0, n)); err != nil {
		return damaged("%w", err)
	}
	if got := hex.EncodeToString(sum.Sum(nil)); got != want {
		return damaged("its bytes have the digest %s, it says %s", got, want)
	}
	return nil
}

// content returns the bytes of an entry, which is no larger than the file as nothing is compressed.
func content(f *zip.File, limit int64) ([]byte, error) {
	if f.Method != zip.Store || f.UncompressedSize64 > uint64(limit) {
		return nil, errs.New(errs.Invalid, "entry %s of %d bytes is compressed: want it stored", f.Name, f.UncompressedSize64)
	}
	r, err := f.Open()
	if err != nil {
		return nil, errs.New(errs.Invalid, "entry %s: %w", f.Name, err)
	}
	text, err := io.ReadAll(r)
	if err = errors.Join(err, r.Close()); err != nil {
		return nil, errs.New(errs.Invalid, "entry %s: %w", f.Name, err)
	}
	return text, nil
}

func (e *entry) read(f *zip.File, limit int64) (*graph.Tensor, error) {
	if f.Name != e.Name+".npy" {
		return nil, errs.New(errs.Invalid, "its entry is %s", f.Name)
	}
	text, err := content(f, limit)
	if err != nil {
		return nil, err
	}
	t, err := sky.ReadCubeFrom(bytes.NewReader(text), sky.CubeOptions{})
	if err != nil {
		return nil, err
	}
	d, err := graph.ParseDType(e.DType)
	if err != nil {
		return nil, errs.New(errs.Invalid, "%w", err)
	}
	if storage(d) != t.DType || !slices.Equal(e.Shape, t.Shape) {
		return nil, errs.New(errs.Invalid, "the entry is %s, %s says %s%v", t, metaName, e.DType, e.Shape)
	}
	t.Name, t.DType = e.Name, d
	return t, nil
}
