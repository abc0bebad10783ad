package ops

import (
	"fmt"
	"strings"

	"github.com/astronnx/astronnx/graph"
)

// StringSplit cuts each string at a delimiter, at most maxsplit times; without a delimiter it cuts at runs of white
// space and drops those at the ends. The first output has a new last axis, filled up with empty strings; the second
// counts the parts.
// https://onnx.ai/onnx/operators/onnx__StringSplit.html
var _ = define(Op{
	Name: "StringSplit", Since: 20,
	Infer: func(c *Inference) ([]*graph.Type, error) {
		x := c.Type(0)
		if x.Rank() < 0 {
			return []*graph.Type{withoutShape(x), {Kind: graph.TensorKind, DType: graph.Int64}}, nil
		}
		counts, parts := x.Clone(), x.Clone()
		counts.DType = graph.Int64
		parts.Shape = append(parts.Shape, graph.Sym(""))
		return []*graph.Type{parts, counts}, nil
	},
	Eval: func(c *Call) ([]*graph.Tensor, error) {
		x := c.In[0]
		if x.DType != graph.String {
			return nil, fmt.Errorf("input is %s, want strings", x)
		}
		delimiter, limit := c.Node.Attrs.Str("delimiter", ""), c.Node.Attrs.Int("maxsplit", -1)
		counts := graph.NewTensor(graph.Int64, x.Shape...)
		parts := make([][]string, len(x.Strings))
		widest := 0
		for i, s := range x.Strings {
			parts[i] = splitText(s, delimiter, limit)
			graph.Data[int64](counts)[i] = int64(len(parts[i]))
			widest = max(widest, len(parts[i]))
		}
		y, err := outputOf(c, graph.String, append(x.Shape[:len(x.Shape):len(x.Shape)], int64(widest)))
		if err != nil {
			return nil, err
		}
		for i, p := range parts {
			copy(y.Strings[i*widest:], p)
		}
		return []*graph.Tensor{y, counts}, nil
	},
	NoGrad: "strings",
	Exact:  Bitwise,
	Grow:   Fixed,
	Cases: `
		comma delimiter=","  str[2] "a,b,,c" ""  ->  str[2 4] "a" "b" "" "c" "" "" "" ""  i64[2] 4 1
		space str[2] "  dark  matter " " "  ->  str[2 2] "dark" "matter" "" ""  i64[2] 2 0
		once  maxsplit=1  str[] " a b  c "  ->  str[2] "a" "b  c "  i64[] 2
		twice delimiter="--" maxsplit=1  str[1] "a--b--c"  ->  str[1 2] "a" "b--c"  i64[1] 2`,
})

func splitText(s, delimiter string, limit int64) []string {
	if delimiter != "" {
		if limit < 0 || limit > int64(len(s)) {
			limit = int64(len(s))
		}
		return strings.SplitN(s, delimiter, int(limit)+1)
	}
	const space = " \t\n\v\f\r"
	parts := []string{}
	for s = strings.TrimLeft(s, space); s != ""; s = strings.TrimLeft(s, space) {
		end := strings.IndexAny(s, space)
		if end < 0 || limit >= 0 && int64(len(parts)) == limit {
			return append(parts, s)
		}
		parts, s = append(parts, s[:end]), s[end:]
	}
	return parts
}
