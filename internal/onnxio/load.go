package onnxio

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"

	"google.golang.org/protobuf/proto"

	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/internal/errs"
	"github.com/astronnx/astronnx/internal/onnxpb"
)

// Options say how to load. The zero value is right for most.
type Options struct {
	Limits Limits
	// Data holds the files of external data. LoadFile and LoadFS set it; nil refuses models that have any.
	Data fs.FS
	// SkipExternal leaves external data unread: the graph has only its place.
	SkipExternal bool
}

// Load reads a model from the bytes of a file. The model does not share memory with b.
func Load(b []byte, o Options) (*graph.Model, error) {
	lim := o.Limits.withDefaults()
	p := &onnxpb.Model{}
	if err := unmarshal(b, p, lim); err != nil {
		return nil, err
	}
	d := &decoder{files: newFiles(o, lim), lim: lim}
	m, err := d.model(p)
	if err != nil {
		return nil, err
	}
	if err := m.Verify(); err != nil {
		var e *errs.Error
		if errors.As(err, &e) {
			return nil, err
		}
		return nil, errs.New(errs.Invalid, "%w", err)
	}
	if n, _ := m.InlinedNodes(); n > lim.Expanded {
		return nil, limit("the model has %d nodes once functions are expanded, the limit is %d", n, lim.Expanded)
	}
	return m, nil
}

// Read reads a model from r to its end.
func Read(r io.Reader, o Options) (*graph.Model, error) {
	b, err := readAll(r, o.Limits.withDefaults().File)
	if err != nil {
		return nil, err
	}
	return Load(b, o)
}

// LoadFile reads the model at the given path, and external data from below its folder. The path may be a link, what the model names
// may not.
func LoadFile(name string, o Options) (*graph.Model, error) {
	root, err := os.OpenRoot(filepath.Dir(name))
	if err != nil {
		return nil, errs.New(errs.Input, "model: %w", err)
	}
	defer root.Close()
	f, err := os.Open(name)
	if err != nil {
		return nil, errs.New(errs.Input, "model: %w", err)
	}
	o.Data = root.FS()
	return loadOpen(f, name, o)
}

// LoadFS reads the model of that name in fsys, and external data from below its folder.
func LoadFS(fsys fs.FS, name string, o Options) (*graph.Model, error) {
	f, err := fsys.Open(name)
	if err != nil {
		return nil, errs.New(errs.Input, "model: %w", err)
	}
	if o.Data, err = fs.Sub(fsys, path.Dir(name)); err != nil {
		f.Close()
		return nil, errs.New(errs.Input, "model: %w", err)
	}
	return loadOpen(f, name, o)
}

func loadOpen(f fs.File, name string, o Options) (*graph.Model, error) {
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, errs.New(errs.Input, "model: %w", err)
	}
	if !info.Mode().IsRegular() {
		return nil, errs.New(errs.Input, "model %s is no regular file", name).WithHint("name the .onnx file itself")
	}
	lim := o.Limits.withDefaults()
	if info.Size() > lim.File {
		return nil, fileTooLarge(info.Size(), lim.File)
	}
	b := make([]byte, info.Size())
	if _, err := io.ReadFull(f, b); err != nil {
		return nil, errs.New(errs.Invalid, "model %s: %w", name, err)
	}
	return Load(b, o)
}

func readAll(r io.Reader, limit int64) ([]byte, error) {
	b, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err != nil {
		return nil, errs.New(errs.Input, "model: %w", err)
	}
	if int64(len(b)) > limit {
		return nil, fileTooLarge(int64(len(b)), limit)
	}
	return b, nil
}

func fileTooLarge(size, limit int64) error {
	return errs.New(errs.Limit, "the file has at least %d bytes, the limit is %d", size, limit).
		WithHint("keep large tensors in external data, or raise the limit of the file size")
}

// unmarshal scans b and parses it into p.
func unmarshal(b []byte, p proto.Message, lim Limits) error {
	if err := scan(b, p.ProtoReflect().Descriptor(), lim); err != nil {
		return err
	}
	if err := (proto.UnmarshalOptions{DiscardUnknown: true, RecursionLimit: lim.Depth + 1}).Unmarshal(b, p); err != nil {
		return errs.New(errs.Invalid, "the file is no ONNX protobuf: %w", err)
	}
	return nil
}
