package checkpoint

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"

	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/internal/errs"
)

const bestName = "best.npz"

var (
	stepName = regexp.MustCompile(`^step-([0-9]{9,18})\.npz$`)
	tempName = regexp.MustCompile(`^\.(step-[0-9]+|best)\.npz\.[0-9a-f]{8}\.tmp$`) // as sky.WriteFile names them
)

// Dir is a folder of checkpoints: the last few, step-000000042.npz and so on, and the best, best.npz. One run at a time uses it, from
// one goroutine.
type Dir struct {
	path    string
	keep    int
	damaged []string // found by Latest
}

// OpenDir makes the folder if need be and removes what a killed run left half written there. The last keep checkpoints are kept, 1 at
// least.
func OpenDir(path string, keep int) (*Dir, error) {
	if keep < 1 {
		return nil, errs.New(errs.Input, "%d checkpoints to keep: want 1 or more", keep)
	}
	if err := os.MkdirAll(path, 0o777); err != nil {
		return nil, errs.New(errs.Output, "%w", err)
	}
	files, err := os.ReadDir(path)
	if err != nil {
		return nil, errs.New(errs.Output, "%w", err)
	}
	for _, f := range files {
		if tempName.MatchString(f.Name()) {
			if err := os.Remove(filepath.Join(path, f.Name())); err != nil {
				return nil, errs.New(errs.Output, "%w", err)
			}
		}
	}
	return &Dir{path: path, keep: keep}, nil
}

// steps returns the numbers of the checkpoints that are there, ascending.
func (d *Dir) steps() ([]int64, error) {
	files, err := os.ReadDir(d.path)
	if err != nil {
		return nil, errs.New(errs.Input, "%w", err)
	}
	var steps []int64
	for _, f := range files {
		if m := stepName.FindStringSubmatch(f.Name()); m != nil {
			n, err := strconv.ParseInt(m[1], 10, 64)
			if err == nil && d.file(n) == filepath.Join(d.path, f.Name()) {
				steps = append(steps, n)
			}
		}
	}
	slices.Sort(steps)
	return steps, nil
}

func (d *Dir) file(step int64) string {
	return filepath.Join(d.path, fmt.Sprintf("step-%09d.npz", step))
}

// Save writes the checkpoint of a step, 0 or more. When it is safe on disk it removes older ones beyond those to keep, and those that
// Latest found damaged. An error leaves all earlier checkpoints as they were.
func (d *Dir) Save(step int64, document any, tensors ...*graph.Tensor) error {
	if step < 0 {
		return errs.New(errs.Input, "step %d: want 0 or more", step)
	}
	if err := Write(d.file(step), document, tensors...); err != nil {
		return err
	}
	steps, err := d.steps()
	if err != nil {
		return err
	}
	old := d.damaged
	steps = slices.DeleteFunc(steps, func(n int64) bool { return n == step || slices.Contains(old, d.file(n)) })
	for _, n := range steps[:max(len(steps)-(d.keep-1), 0)] {
		old = append(old, d.file(n))
	}
	for _, file := range old {
		if file == d.file(step) {
			continue
		}
		if err := os.Remove(file); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return errs.New(errs.Output, "%w", err)
		}
	}
	d.damaged = nil
	return nil
}

// SaveBest writes the best checkpoint in place of the one before.
func (d *Dir) SaveBest(document any, tensors ...*graph.Tensor) error {
	return Write(filepath.Join(d.path, bestName), document, tensors...)
}

// Best reads the best checkpoint, see [Read]. Where there is none the error is fs.ErrNotExist.
func (d *Dir) Best(document any) ([]*graph.Tensor, error) {
	return Read(filepath.Join(d.path, bestName), document)
}

// Found is what Latest returns.
type Found struct {
	Path    string
	Step    int64
	Tensors []*graph.Tensor
	Damaged []error // why newer checkpoints were passed over
}

// Latest reads the newest checkpoint that is whole, see [Read]. Where there is none at all the error is fs.ErrNotExist; where all are
// damaged it is errs.Invalid and says why.
func (d *Dir) Latest(document any) (*Found, error) {
	steps, err := d.steps()
	if err != nil {
		return nil, err
	}
	found := &Found{}
	d.damaged = nil
	for _, n := range slices.Backward(steps) {
		found.Path, found.Step = d.file(n), n
		if found.Tensors, err = Read(found.Path, document); err == nil {
			return found, nil
		}
		if !errors.Is(err, errDamaged) { // it may be of another release, or unreadable just now
			return nil, err
		}
		found.Damaged = append(found.Damaged, err)
		d.damaged = append(d.damaged, found.Path)
	}
	if len(found.Damaged) > 0 {
		return nil, errs.New(errs.Invalid, "no checkpoint in %s is whole: %w", d.path, errors.Join(found.Damaged...))
	}
	return nil, errs.New(errs.Input, "no checkpoint in %s: %w", d.path, fs.ErrNotExist)
}
