package conformance_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/internal/engine"
	"github.com/astronnx/astronnx/internal/engine/reference"
	"github.com/astronnx/astronnx/internal/onnxio"
	"github.com/astronnx/astronnx/internal/testkit"
)

// The operators whose integer inputs say where to read and write. Each target starts from the official cases of its operators and
// changes element types' bytes and shapes of their inputs; a kernel may refuse what results, but not panic.

func FuzzGather(f *testing.F)    { fuzzInputs(f, `^test_gather`) }
func FuzzScatter(f *testing.F)   { fuzzInputs(f, `^test_(scatter|tensorscatter)`) }
func FuzzSlice(f *testing.F)     { fuzzInputs(f, `^test_(slice|split|center_crop)`) }
func FuzzPad(f *testing.F)       { fuzzInputs(f, `^test_(constant_pad|edge_pad|reflect_pad|wrap_pad)`) }
func FuzzTile(f *testing.F)      { fuzzInputs(f, `^test_(tile|expand|constantofshape|range|reshape)`) }
func FuzzTopK(f *testing.F)      { fuzzInputs(f, `^test_(top_k|unique|onehot|compress)`) }
func FuzzResize(f *testing.F)    { fuzzInputs(f, `^test_(resize|upsample|affine_grid|gridsample)`) }
func FuzzMaxUnpool(f *testing.F) { fuzzInputs(f, `^test_(maxunpool|col2im|roialign)`) }
func FuzzNonMaxSuppression(f *testing.F) {
	fuzzInputs(f, `^test_(nonmaxsuppression|sequence_|reversesequence|tril|triu)`)
}

// seedCase is an official case whose inputs are to be changed.
type seedCase struct {
	name  string
	model []byte
	in    []*graph.Tensor
}

func seedCases(f *testing.F, pattern string) []seedCase {
	dir := testkit.OfficialCases(f)
	entries, err := os.ReadDir(dir)
	if err != nil {
		f.Fatal(err)
	}
	match := regexp.MustCompile(pattern)
	var cases []seedCase
	for _, e := range entries {
		if !match.MatchString(e.Name()) {
			continue
		}
		c := seedCase{name: e.Name()}
		if c.model, err = os.ReadFile(filepath.Join(dir, e.Name(), "model.onnx")); err != nil {
			f.Fatal(err)
		}
		m, err := onnxio.Load(c.model, onnxio.Options{})
		if err != nil {
			continue
		}
		if _, err := (reference.Engine{}).Compile(m, engine.Options{}); err != nil {
			continue
		}
		for i, v := range m.Graph.Inputs {
			b, err := os.ReadFile(filepath.Join(dir, e.Name(), "test_data_set_0", fmt.Sprintf("input_%d.pb", i)))
			if err != nil {
				break
			}
			t, err := onnxio.ReadTensor(b, v.Type, onnxio.Options{})
			if err != nil {
				f.Fatal(err)
			}
			c.in = append(c.in, t)
		}
		cases = append(cases, c)
	}
	return cases
}

func fuzzInputs(f *testing.F, pattern string) {
	cases := seedCases(f, pattern)
	if len(cases) == 0 {
		f.Skip("the reference engine runs none of the cases")
	}
	for i := range cases {
		f.Add(uint16(i), []byte{})
		f.Add(uint16(i), []byte{0x80, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff})
		f.Add(uint16(i), []byte{0x81, 9, 1, 0, 0, 0, 0, 0, 0, 0x80})
	}
	f.Fuzz(func(t *testing.T, which uint16, changes []byte) {
		c := cases[int(which)%len(cases)]
		m, err := onnxio.Load(c.model, onnxio.Options{})
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range m.Graph.Inputs {
			v.Type = nil // so that the kernel, not the seam, judges what it is given
		}
		plan, err := reference.Engine{}.Compile(m, engine.Options{MemoryLimit: 1 << 28})
		if err != nil {
			t.Fatal(err)
		}
		in := make([]*graph.Tensor, len(plan.Inputs()))
		for i, x := range c.in {
			in[i] = x.Clone()
		}
		mutate(in[:len(c.in)], changes)
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
		defer cancel()
		done := make(chan error, 1)
		go func() { done <- plan.Run(ctx, in, nil, make([]*graph.Tensor, len(plan.Outputs()))) }()
		select {
		case err = <-done:
		case <-time.After(8 * time.Second):
			t.Fatalf("%s: does not stop with its context on %v", c.name, in)
		}
		if errors.Is(err, reference.ErrPanic) {
			t.Fatalf("%s: %v", c.name, err)
		}
	})
}

// mutate reads changes ten bytes at a time: an input (the first bit says whether its shape changes), a place, and eight bytes.
func mutate(in []*graph.Tensor, changes []byte) {
	for ; len(changes) >= 10 && len(in) > 0; changes = changes[10:] {
		t := in[int(changes[0]&0x7f)%len(in)]
		if t.Kind != graph.TensorKind {
			continue
		}
		place, word := int(changes[1]), changes[2:10]
		if changes[0]&0x80 == 0 && len(t.Raw) > 0 {
			size := max(1, t.DType.Bits()/8)
			at := place * size % len(t.Raw)
			copy(t.Raw[at:], word[:min(size, 8)])
			continue
		}
		reshapeTo(t, place, int64(word[0]%6))
	}
	for _, t := range in { // a boolean is 0 or 1
		if t != nil && t.DType == graph.Bool {
			for i := range t.Raw {
				t.Raw[i] &= 1
			}
		}
	}
}

// reshapeTo gives one dimension of t another size, or adds or takes away one, and fills t from its old elements.
func reshapeTo(t *graph.Tensor, place int, size int64) {
	shape := append([]int64{}, t.Shape...)
	switch axis := place % 8; {
	case axis < len(shape) && place >= 128:
		shape = append(shape[:axis], shape[axis+1:]...)
	case axis < len(shape):
		shape[axis] = size
	case len(shape) < 6:
		shape = append(shape, size)
	}
	if n, ok := graph.NumElements(shape); !ok || n > 1<<14 {
		return
	}
	u := graph.NewTensor(t.DType, shape...)
	for i := 0; len(t.Raw) > 0 && i < len(u.Raw); i += len(t.Raw) {
		copy(u.Raw[i:], t.Raw)
	}
	copy(u.Strings, t.Strings)
	t.Shape, t.Raw, t.Strings = u.Shape, u.Raw, u.Strings
}
