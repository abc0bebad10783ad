package ops

import (
	"fmt"
	"regexp"

	"github.com/astronnx/astronnx/graph"
)

// RegexFullMatch tells of each string whether a regular expression, in the syntax of RE2, matches all of it.
// https://onnx.ai/onnx/operators/onnx__RegexFullMatch.html
var _ = define(Op{
	Name: "RegexFullMatch", Since: 20,
	Infer: func(c *Inference) ([]*graph.Type, error) {
		t := c.Type(0).Clone()
		if t != nil {
			t.DType = graph.Bool
		}
		_, err := fullMatch(c.Node)
		return []*graph.Type{t}, err
	},
	Eval: func(c *Call) ([]*graph.Tensor, error) {
		x := c.In[0]
		if x.DType != graph.String {
			return nil, fmt.Errorf("input is %s, want strings", x)
		}
		re, err := fullMatch(c.Node)
		if err != nil {
			return nil, err
		}
		y := c.Output(graph.Bool, x.Shape...)
		match := graph.Data[bool](y)
		for i, s := range x.Strings {
			match[i] = re.MatchString(s)
		}
		return []*graph.Tensor{y}, nil
	},
	NoGrad: "strings",
	Exact:  Bitwise,
	Cases: `
		whole   pattern="a+|b"  str[4] "aa" "ab" "b" ""  ->  bool[4] 1 0 1 0
		nothing pattern=""  str[2] "" "x"  ->  bool[2] 1 0
		broken  pattern="a)|(b"  str[1] "a"  ->  error "pattern"`,
})

func fullMatch(n *graph.Node) (*regexp.Regexp, error) {
	pattern := n.Attrs.Str("pattern", "")
	if _, err := regexp.Compile(pattern); err != nil { // also what parentheses around it would mend
		return nil, fmt.Errorf("pattern %q: %w", pattern, err)
	}
	return regexp.Compile(`\A(?:` + pattern + `)\z`)
}
