package ops

import (
	"fmt"
	"math"

	"github.com/astronnx/astronnx/graph"
)

// LabelEncoder maps keys to values, and what is no key to a default. A key that occurs twice has its last value; NaN is
// equal to NaN.
// https://onnx.ai/onnx/operators/onnx_aionnxml_LabelEncoder.html
var _ = classic.Define(Op{
	Name: "LabelEncoder", Since: 2,
	Infer: func(c *Inference) ([]*graph.Type, error) {
		_, values, _, err := labelTable(c.Node.Attrs)
		if err != nil {
			return nil, err
		}
		t := c.Type(0).Clone()
		if t != nil {
			t.DType = values.DType
		}
		return []*graph.Type{t}, nil
	},
	Eval: func(c *Call) ([]*graph.Tensor, error) {
		keys, values, other, err := labelTable(c.Node.Attrs)
		if err != nil {
			return nil, err
		}
		return encodeLabels(c, keys, values, other)
	},
	NoGrad: "a table of labels",
	Exact:  Bitwise,
	Cases: `
		names  keys_strings=["dust","cmb"] values_int64s=[5,6] default_int64=9  str[3] "cmb" "dust" "sz"  ->  i64[3] 6 5 9
		words  keys_int64s=[1,2,1] values_strings=["a","b","c"]  i64[3] 1 2 3  ->  str[3] "c" "b" "_Unused"
		nan    keys_floats=[nan,0.5] values_floats=[1.5,2.0]  [3] nan 0.5 7  ->  [3] 1.5 2 -0
		tensor keys_tensor=(i32[2] 4 5) values_tensor=(f64[2] 0.25 8) default_tensor=(f64[1] -1)  i32[2] 5 6  ->  f64[2] 8 -1
		uneven keys_int64s=[1,2] values_int64s=[1]  i64[1] 1  ->  error "2 keys"
		types  keys_int64s=[1] values_int64s=[1]  str[1] "a"  ->  error "the keys are"`,
})

// Version 1 maps strings to their index in a list, and indices to strings.
var _ = classic.Define(Op{
	Name: "LabelEncoder", Since: 1,
	Infer: func(c *Inference) ([]*graph.Type, error) {
		t := c.Type(0).Clone()
		if t != nil && t.DType == graph.String {
			t.DType = graph.Int64
		} else if t != nil {
			t.DType = graph.String
		}
		return []*graph.Type{t}, nil
	},
	Eval: func(c *Call) ([]*graph.Tensor, error) {
		names := stringTensor(c.Node.Attrs.Strs("classes_strings", nil)...)
		index := graph.NewTensor(graph.Int64, names.Shape...)
		fill(graph.Data[int64](index), func(i int) int64 { return int64(i) })
		if c.In[0].DType == graph.String {
			return encodeLabels(c, names, index, graph.Vector(c.Node.Attrs.Int("default_int64", -1)))
		}
		return encodeLabels(c, index, names, stringTensor(c.Node.Attrs.Str("default_string", "_Unused")))
	},
	NoGrad: "a table of labels",
	Exact:  Bitwise,
	Cases: `
		names classes_strings=["dust","cmb"]  str[2] "cmb" "sz"  ->  i64[2] 1 -1
		words classes_strings=["dust","cmb"]  i64[2] 1 2  ->  str[2] "cmb" "_Unused"`,
})

// labelTable reads keys, as many values, and a default of the values' type.
func labelTable(a graph.Attrs) (keys, values, other *graph.Tensor, err error) {
	keys, values = labels(a, "keys"), labels(a, "values")
	if keys == nil || values == nil || keys.Len() != values.Len() {
		return nil, nil, nil, fmt.Errorf("%d keys and %d values, want as many", labelCount(keys), labelCount(values))
	}
	if other = a.Tensor("default_tensor"); other == nil {
		switch values.DType {
		case graph.String:
			other = stringTensor(a.Str("default_string", "_Unused"))
		case graph.Int64:
			other = graph.Vector(a.Int("default_int64", -1))
		case graph.Float32:
			other = graph.Vector(a.Float("default_float", float32(math.Copysign(0, -1))))
		default:
			other = graph.NewTensor(values.DType, 1)
		}
	}
	if other.DType != values.DType || other.Len() != 1 {
		return nil, nil, nil, fmt.Errorf("the default is %s, the values are %s", other, values)
	}
	return keys, values, other, nil
}

func labels(a graph.Attrs, of string) *graph.Tensor {
	switch {
	case a.Has(of + "_tensor"):
		return a.Tensor(of + "_tensor")
	case a.Has(of + "_strings"):
		return stringTensor(a.Strs(of+"_strings", nil)...)
	case a.Has(of + "_int64s"):
		return graph.Vector(a.Ints(of+"_int64s", nil)...)
	case a.Has(of + "_floats"):
		return graph.Vector(a.Floats(of+"_floats", nil)...)
	}
	return nil
}

func labelCount(t *graph.Tensor) int64 {
	if t == nil {
		return 0
	}
	return t.Len()
}

func stringTensor(words ...string) *graph.Tensor {
	t := graph.NewTensor(graph.String, int64(len(words)))
	copy(t.Strings, words)
	return t
}

func encodeLabels(c *Call, keys, values, other *graph.Tensor) ([]*graph.Tensor, error) {
	x := c.In[0]
	if x.DType != keys.DType {
		return nil, fmt.Errorf("input is %s, the keys are %s", x, keys)
	}
	key, err := labelReader(keys)
	if err != nil {
		return nil, err
	}
	at := make(map[any]int, keys.Len())
	for i := range int(keys.Len()) {
		at[key(i)] = i
	}
	label, err := labelReader(x)
	if err != nil {
		return nil, err
	}
	y := c.Output(values.DType, x.Shape...)
	for i := range int(x.Len()) {
		if k, ok := at[label(i)]; ok {
			copyElements(y, i, values, k, 1)
		} else {
			copyElements(y, i, other, 0, 1)
		}
	}
	return []*graph.Tensor{y}, nil
}

// labelReader reads elements as map keys, under which NaN is one key.
func labelReader(t *graph.Tensor) (func(i int) any, error) {
	switch {
	case t.DType == graph.String:
		return func(i int) any { return t.Strings[i] }, nil
	case t.DType.IsFloat():
		get, err := floatReader(t)
		return func(i int) any {
			if v := get(i); !math.IsNaN(v) {
				return v
			}
			return "NaN"
		}, err
	}
	get, err := intReader(t)
	return func(i int) any { return get(i) }, err
}
