package ops

import (
	"fmt"
	"slices"
	"strings"

	"github.com/astronnx/astronnx/graph"
)

// StringNormalizer drops stop words from a list [C] or [1, C] of words and changes the case of the others. Where all
// are dropped one empty word is left. The locale is not looked at: case follows Unicode.
// https://onnx.ai/onnx/operators/onnx__StringNormalizer.html
var _ = define(Op{
	Name: "StringNormalizer", Since: 10,
	Infer: func(c *Inference) ([]*graph.Type, error) {
		t := c.Type(0).Clone()
		if t.Rank() > 0 && len(c.Node.Attrs.Strs("stopwords", nil)) > 0 {
			t.Shape[t.Rank()-1] = graph.Sym("")
		}
		return []*graph.Type{t}, nil
	},
	Eval: func(c *Call) ([]*graph.Tensor, error) {
		x := c.In[0]
		rank := len(x.Shape)
		if x.DType != graph.String || rank != 1 && (rank != 2 || x.Shape[0] != 1) {
			return nil, fmt.Errorf("input is %s, want strings [C] or [1, C]", x)
		}
		cased := func(s string) string { return s }
		switch action := c.Node.Attrs.Str("case_change_action", "NONE"); action {
		case "NONE":
		case "LOWER":
			cased = strings.ToLower
		case "UPPER":
			cased = strings.ToUpper
		default:
			return nil, fmt.Errorf("case_change_action %q, want NONE, LOWER or UPPER", action)
		}
		same := strings.EqualFold
		if c.Node.Attrs.Bool("is_case_sensitive", false) {
			same = func(a, b string) bool { return a == b }
		}
		stop := c.Node.Attrs.Strs("stopwords", nil)
		var words []string
		for _, w := range x.Strings {
			if !slices.ContainsFunc(stop, func(s string) bool { return same(s, w) }) {
				words = append(words, cased(w))
			}
		}
		if len(words) == 0 && len(stop) > 0 {
			words = []string{""}
		}
		shape := slices.Clone(x.Shape)
		shape[rank-1] = int64(len(words))
		y := c.Output(graph.String, shape...)
		copy(y.Strings, words)
		return []*graph.Tensor{y}, nil
	},
	NoGrad: "strings",
	Exact:  Bitwise,
	Grow:   Fixed,
	Cases: `
		upper   case_change_action="UPPER"  str[2] "sky" "Map"  ->  str[2] "SKY" "MAP"
		stops   case_change_action="LOWER" is_case_sensitive=1 stopwords=["The"]
			str[1 3] "The" "the" "Sun"  ->  str[1 2] "the" "sun"
		folding stopwords=["the"]  str[3] "The" "the" "Sun"  ->  str[1] "Sun"
		nothing stopwords=["a"]  str[1 2] "a" "A"  ->  str[1 1] ""
		matrix  str[2 1] "a" "b"  ->  error "want strings"`,
})
