package conformance_test

import (
	"cmp"
	"context"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/astronnx/astronnx/conformance"
	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/internal/engine"
	"github.com/astronnx/astronnx/internal/engine/reference"
	"github.com/astronnx/astronnx/internal/onnxio"
	"github.com/astronnx/astronnx/internal/testkit"
)

// peerRoot returns the sources of github.com/owulveryck/onnx-go in the module cache. Its cases are Go source; they are read as
// such, since importing them would link its test framework.
func peerRoot(t *testing.T) string {
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/owulveryck/onnx-go").Output()
	dir := strings.TrimSpace(string(out))
	if err != nil || dir == "" {
		testkit.Missing(t, "the sources of onnx-go are not in the module cache: run 'go mod download'")
	}
	return dir
}

// TestPeerCases runs the cases that onnx-go generated from the official suite of 2019, opset 7 to 9, on the reference engine.
// skip/onnx-go.txt names those with which the standard does not agree.
func TestPeerCases(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(peerRoot(t), "backend", "testbackend", "onnx", "onnx_test_*.go"))
	if err != nil {
		t.Fatal(err)
	}
	var results []conformance.Result
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		c, err := parsePeer(file)
		if err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		if c.title == "" {
			continue
		}
		r := conformance.Result{Case: c.title}
		if err := c.run(); err != nil {
			r.Outcome, r.Reason = conformance.Mismatch, err.Error()
		}
		results = append(results, r)
	}
	slices.SortFunc(results, func(a, b conformance.Result) int { return cmp.Compare(a.Case, b.Case) })
	if len(results) != 349 { // one of which its published table leaves out
		t.Errorf("got %d cases want 349", len(results))
	}
	judgeLists(t, "onnx-go.txt", results)
}

// TestPeerEngine keeps the list of the cases that onnx-go's own engine gorgonnx passes, as onnx-go publishes it.
func TestPeerEngine(t *testing.T) {
	b, err := os.ReadFile(filepath.Join(peerRoot(t), "backend", "x", "gorgonnx", "ONNX_COVERAGE.md"))
	if err != nil {
		t.Fatal(err)
	}
	var results []conformance.Result
	row := regexp.MustCompile(`\|(Test\w+)\|(true|false)\|(true|false)\|(true|false)\|`)
	for _, m := range row.FindAllStringSubmatch(string(b), -1) {
		r := conformance.Result{Case: m[1]}
		switch {
		case m[3] == "true":
			r.Outcome, r.Reason = conformance.Unsupported, "not implemented"
		case m[4] == "true" || m[2] == "false":
			r.Outcome, r.Reason = conformance.Mismatch, "fails"
		}
		results = append(results, r)
	}
	slices.SortFunc(results, func(a, b conformance.Result) int { return cmp.Compare(a.Case, b.Case) })
	judgeLists(t, "gorgonnx.txt", results)
}

// peer is one of onnx-go's cases.
type peer struct {
	title   string
	model   []byte
	in, out []*graph.Tensor
}

func (c *peer) run() (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("panic: %v", r)
		}
	}()
	m, err := onnxio.Load(c.model, onnxio.Options{})
	if err != nil {
		return err
	}
	plan, err := reference.Engine{}.Compile(m, engine.Options{})
	if err != nil {
		return err
	}
	defer plan.Close()
	in := make([]*graph.Tensor, len(plan.Inputs()))
	if copy(in, c.in) < len(c.in) {
		return fmt.Errorf("%d inputs for a model that has %d", len(c.in), len(in))
	}
	for i, p := range plan.Inputs() {
		if t := in[i]; t != nil && p.Type.Rank() == 0 && len(t.Shape) == 1 {
			t.Shape = nil // onnx-go writes scalars as [1]
		}
	}
	out := make([]*graph.Tensor, len(plan.Outputs()))
	if err := plan.Run(context.Background(), in, nil, out); err != nil {
		return err
	}
	if len(c.out) > len(out) {
		return fmt.Errorf("%d outputs of a model that has %d", len(c.out), len(out))
	}
	for i, want := range c.out {
		if err := conformance.Compare(out[i], want, conformance.Official); err != nil {
			return fmt.Errorf("output %d: %w", i, err)
		}
	}
	return nil
}

// parsePeer reads the one composite literal testbackend.TestCase of a file; the title is empty if there is none.
func parsePeer(file string) (c peer, err error) {
	f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
	if err != nil {
		return c, err
	}
	ast.Inspect(f, func(n ast.Node) bool {
		kv, ok := n.(*ast.KeyValueExpr)
		if !ok || err != nil {
			return err == nil
		}
		switch key, _ := kv.Key.(*ast.Ident); key.Name {
		case "Title":
			c.title, err = strconv.Unquote(kv.Value.(*ast.BasicLit).Value)
		case "ModelB":
			for _, e := range kv.Value.(*ast.CompositeLit).Elts {
				var v uint64
				v, err = strconv.ParseUint(e.(*ast.BasicLit).Value, 0, 8)
				c.model = append(c.model, byte(v))
			}
		case "Input":
			c.in, err = peerTensors(kv.Value)
		case "ExpectedOutput":
			c.out, err = peerTensors(kv.Value)
		}
		return false
	})
	return c, err
}

func peerTensors(list ast.Expr) (out []*graph.Tensor, err error) {
	for _, e := range list.(*ast.CompositeLit).Elts {
		t, err := peerTensor(e.(*ast.CallExpr))
		if err != nil {
			return nil, err
		}
		out = append(out, t)
	}
	return out, nil
}

// peerTensor reads tensor.New(tensor.WithShape(2, 3), tensor.WithBacking([]float32{...})).
func peerTensor(call *ast.CallExpr) (*graph.Tensor, error) {
	var shape []int64
	for _, a := range call.Args[0].(*ast.CallExpr).Args {
		n, err := strconv.ParseInt(a.(*ast.BasicLit).Value, 0, 64)
		if err != nil {
			return nil, err
		}
		shape = append(shape, n)
	}
	backing := call.Args[1].(*ast.CallExpr).Args[0].(*ast.CompositeLit)
	name := backing.Type.(*ast.ArrayType).Elt.(*ast.Ident).Name
	if name == "int" {
		name = "int64"
	}
	d, err := graph.ParseDType(name)
	if err != nil {
		return nil, err
	}
	t := graph.NewTensor(d, shape...)
	if int(t.Len()) != len(backing.Elts) {
		return nil, fmt.Errorf("%d elements for %s", len(backing.Elts), t)
	}
	for i, e := range backing.Elts {
		if err := setElement(t, i, literal(e)); err != nil {
			return nil, err
		}
	}
	return t, nil
}

func literal(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.BasicLit:
		return e.Value
	case *ast.Ident:
		return e.Name
	case *ast.UnaryExpr:
		return "-" + literal(e.X)
	}
	return fmt.Sprintf("%T", e)
}

func setElement(t *graph.Tensor, i int, text string) (err error) {
	var x float64
	var n int64
	switch t.DType {
	case graph.Float32:
		x, err = strconv.ParseFloat(text, 32)
		graph.Data[float32](t)[i] = float32(x)
	case graph.Float64:
		x, err = strconv.ParseFloat(text, 64)
		graph.Data[float64](t)[i] = x
	case graph.Int64:
		n, err = strconv.ParseInt(text, 0, 64)
		graph.Data[int64](t)[i] = n
	case graph.Int32:
		n, err = strconv.ParseInt(text, 0, 32)
		graph.Data[int32](t)[i] = int32(n)
	case graph.Bool:
		graph.Data[bool](t)[i], err = strconv.ParseBool(text)
	default:
		err = fmt.Errorf("elements of %s", t.DType)
	}
	return err
}
