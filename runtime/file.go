package runtime

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/internal/errs"
	"github.com/astronnx/astronnx/internal/onnxio"
)

// largestFile is the default limit of a model file: where protobuf ends.
const largestFile = 2 << 30

// readModel reads the model at path, as onnxio.LoadFile does, but with the file's bytes outside Go's heap: they are as large as all
// constants together and needed once, and the collector would keep room for them long after.
func readModel(path string, o onnxio.Options) (*graph.Model, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, errs.New(errs.Input, "model: %w", err)
	}
	if !info.Mode().IsRegular() { // opening a pipe would wait for its other end
		return nil, errs.New(errs.Input, "model: %s is no regular file", path).WithHint("name the .onnx file itself")
	}
	limit := o.Limits.File
	if limit <= 0 {
		limit = largestFile
	}
	if info.Size() > limit {
		return onnxio.LoadFile(path, o) // which says so
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, errs.New(errs.Input, "model: %w", err)
	}
	defer f.Close()
	root, err := os.OpenRoot(filepath.Dir(path))
	if err != nil {
		return nil, errs.New(errs.Input, "model: %w", err)
	}
	defer root.Close()
	b, free, err := outside(int(info.Size()))
	if err != nil {
		return nil, errs.New(errs.Limit, "memory for a file of %d bytes: %w", info.Size(), err)
	}
	defer free()
	if _, err := io.ReadFull(f, b); err != nil {
		return nil, errs.New(errs.Invalid, "model: %w", err)
	}
	o.Data = root.FS()
	return onnxio.Load(b, o)
}

// at says which file an error is about, once.
func at(path string, err error) error {
	var e *os.PathError
	if err == nil || errors.As(err, &e) {
		return err
	}
	return fmt.Errorf("%s: %w", path, err)
}
