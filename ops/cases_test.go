package ops_test

import (
	"math"
	"strings"
	"testing"

	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/ops"
)

func TestParseCases(t *testing.T) {
	cases, err := ops.ParseCases(`
		first  axis=-1 scale=0.5 mode="a b" perm=[1, 0] w=[1.0,nan] words=["x"] t=(i64[2] 3 4)  [2 3] 1..6 _ u8[2] 255 0
		       -> [2] 1 -inf  ?(f16[] 1.5)
		second !kink !fixed @13 body={i x -> z: y = Add(x, x0); z = Gather{axis=1}(y, i)} [3] 2*3 -> (str[1] "a" i4[3] -8 7 1) ?()
		refused [0] -> error "rank"`)
	if err != nil {
		t.Fatal(err)
	}
	if len(cases) != 3 {
		t.Fatalf("got %d cases want 3", len(cases))
	}
	c := cases[0]
	if c.Name != "first" || c.Attrs.Int("axis", 0) != -1 || c.Attrs.Float("scale", 0) != 0.5 || c.Attrs.Str("mode", "") != "a b" ||
		len(c.Attrs.Ints("perm", nil)) != 2 || !math.IsNaN(float64(c.Attrs.Floats("w", nil)[1])) || c.Attrs.Strs("words", nil)[0] != "x" ||
		!c.Attrs.Tensor("t").Equal(graph.Vector[int64](3, 4)) {
		t.Errorf("attributes: got %v", c.Attrs)
	}
	if len(c.In) != 3 || c.In[1] != nil || !c.In[0].Equal(graph.FromSlice([]float32{1, 2, 3, 4, 5, 6}, 2, 3)) ||
		!c.In[2].Equal(graph.Vector[uint8](255, 0)) {
		t.Errorf("inputs: got %v", c.In)
	}
	if len(c.Out) != 2 || !c.Out[0].Equal(graph.Vector(1, float32(math.Inf(-1)))) || c.Out[1].Kind != graph.OptionalKind ||
		c.Out[1].Elems[0].DType != graph.Float16 {
		t.Errorf("outputs: got %v", c.Out)
	}
	c = cases[1]
	g := c.Attrs.Graph("body")
	if !c.Kink || !c.Fixed || c.Opset != 13 || len(g.Nodes) != 2 || len(g.Inputs) != 2 || g.Nodes[0].In[1].Name != "x0" ||
		g.Nodes[1].Attrs.Int("axis", 0) != 1 || g.Outputs[0] != g.Nodes[1].Out[0] {
		t.Errorf("marks or graph: got %+v", c)
	}
	if seq := c.Out[0]; seq.Kind != graph.SequenceKind || seq.Elems[0].Strings[0] != "a" || seq.Elems[1].Raw[0] != 0x78 || c.Out[1].Len() != 0 {
		t.Errorf("sequence: got %v", seq)
	}
	if cases[2].Error != "rank" {
		t.Errorf("error: got %q", cases[2].Error)
	}
}

func TestParseCasesRefuses(t *testing.T) {
	for text, want := range map[string]string{
		"a [2] 1 -> [1] 1":              "1 elements",
		"a [2] 1 2 3 -> [1] 1":          "unknown element type",
		"a [2] 1 2":                     "no ->",
		"a i9[1] 1 -> [1] 1":            "i9",
		"a k= -> [1] 1":                 "",
		"a [1] 1 ->":                    "no outputs",
		"a b={x -> y: z = Neg(q)} -> _": "q",
		"a b={x -> y: z = Neg(x)} -> _": "y",
	} {
		if _, err := ops.ParseCases(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v want an error with %q", text, err, want)
		}
	}
}
