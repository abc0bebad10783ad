package ops

import (
	"fmt"
	"strings"

	"github.com/astronnx/astronnx/graph"
)

// TfIdfVectorizer counts the n-grams of a pool in each row of words or numbers. An n-gram may skip as many as
// max_skip_count items between its own. TF gives counts, IDF the weights of what occurs, TFIDF counts times weights.
// https://onnx.ai/onnx/operators/onnx__TfIdfVectorizer.html
var _ = define(Op{
	Name: "TfIdfVectorizer", Since: 9,
	Infer: func(c *Inference) ([]*graph.Type, error) {
		p, err := gramsOf(c.Node.Attrs)
		if err != nil {
			return nil, err
		}
		t := c.Type(0).Clone()
		if t == nil {
			return []*graph.Type{{Kind: graph.TensorKind, DType: graph.Float32}}, nil
		}
		t.DType = graph.Float32
		switch t.Rank() {
		case -1:
		case 0, 1:
			t.Shape = []graph.Dim{graph.D(p.width)}
		case 2:
			t.Shape[1] = graph.D(p.width)
		default:
			return nil, fmt.Errorf("input is %s, want one row or a matrix", t)
		}
		return []*graph.Type{t}, nil
	},
	Eval: func(c *Call) ([]*graph.Tensor, error) {
		p, err := gramsOf(c.Node.Attrs)
		if err != nil {
			return nil, err
		}
		x := c.In[0]
		words, err := wordsOf(x)
		if err != nil {
			return nil, err
		}
		if p.strings != (x.DType == graph.String) {
			return nil, fmt.Errorf("input is %s, the pool is of another type", x)
		}
		rows, shape := int64(1), []int64{p.width}
		switch len(x.Shape) {
		case 0, 1:
		case 2:
			rows, shape = x.Shape[0], []int64{x.Shape[0], p.width}
		default:
			return nil, fmt.Errorf("input is %s, want one row or a matrix", x)
		}
		y, err := outputOf(c, graph.Float32, shape)
		if err != nil {
			return nil, err
		}
		out := graph.Data[float32](y)
		for r := range rows {
			size := int64(len(words)) / rows
			p.count(out[r*p.width:(r+1)*p.width], words[r*size:(r+1)*size])
		}
		return []*graph.Tensor{y}, nil
	},
	NoGrad: "its input is words or numbers that stand for them",
	Exact:  Bitwise,
	Grow:   Fixed,
	Cases: `
		counts mode="TF" min_gram_length=1 max_gram_length=2 max_skip_count=0 ngram_counts=[0,2] ngram_indexes=[0,1,2]
			pool_int64s=[5,6,5,6]  i64[2 4] 5 6 5 6 6 6 5 7  ->  [2 3] 2 2 2 1 2 0
		skips  mode="TF" min_gram_length=2 max_gram_length=2 max_skip_count=2 ngram_counts=[0,0] ngram_indexes=[0]
			pool_strings=["a","b"]  str[4] "a" "x" "b" "b"  ->  [1] 2
		idf    mode="IDF" min_gram_length=1 max_gram_length=1 max_skip_count=0 ngram_counts=[0] ngram_indexes=[1,0]
			pool_int64s=[5,6] weights=[0.5,2.0]  i32[3] 5 5 9  ->  [2] 0 2
		tfidf  mode="TFIDF" min_gram_length=1 max_gram_length=1 max_skip_count=0 ngram_counts=[0] ngram_indexes=[1,0]
			pool_int64s=[5,6] weights=[0.5,2.0]  i32[3] 5 5 6  ->  [2] 0.5 4
		ragged mode="TF" min_gram_length=2 max_gram_length=2 max_skip_count=0 ngram_counts=[0,0] ngram_indexes=[0]
			pool_int64s=[5,6,7]  i64[1] 5  ->  error "ngram_counts"`,
})

// gramPool is the n-grams that a node looks for.
type gramPool struct {
	strings   bool
	column    map[string]int64 // by the n-gram's items, each with its length before it
	width     int64
	mode      string
	weights   []float32 // one for each column, nil: ones
	low, high int64
	skips     int64
}

func gramsOf(a graph.Attrs) (*gramPool, error) {
	p := &gramPool{column: map[string]int64{}, mode: a.Str("mode", ""), weights: a.Floats("weights", nil),
		low: a.Int("min_gram_length", 1), high: a.Int("max_gram_length", 1), skips: a.Int("max_skip_count", 0)}
	items := a.Strs("pool_strings", nil)
	if p.strings = items != nil; !p.strings {
		for _, v := range a.Ints("pool_int64s", nil) {
			items = append(items, fmt.Sprint(v))
		}
	}
	begins, columns := a.Ints("ngram_counts", nil), a.Ints("ngram_indexes", nil)
	for _, c := range columns {
		if c < 0 || c >= 1<<30 {
			return nil, fmt.Errorf("ngram_indexes names column %d", c)
		}
		p.width = max(p.width, c+1)
	}
	known := p.mode == "TF" || p.mode == "IDF" || p.mode == "TFIDF"
	if !known || p.low < 1 || p.high < p.low || p.skips < 0 || p.skips > 1<<30 {
		return nil, fmt.Errorf("mode %q of n-grams of %d to %d items with %d skips", p.mode, p.low, p.high, p.skips)
	}
	if p.weights != nil && int64(len(p.weights)) < p.width {
		return nil, fmt.Errorf("%d weights for %d columns", len(p.weights), p.width)
	}
	p.high = min(p.high, int64(len(begins))) // there are no longer ones
	for i, begin := range begins {
		end, size := int64(len(items)), int64(i+1)
		if i+1 < len(begins) {
			end = begins[i+1]
		}
		if begin < 0 || end < begin || end > int64(len(items)) || (end-begin)%size != 0 {
			return nil, fmt.Errorf("ngram_counts is %v for a pool of %d", begins, len(items))
		}
		for ; begin < end; begin += size {
			if len(columns) == 0 {
				return nil, fmt.Errorf("ngram_indexes has %d elements, the pool more n-grams", len(a.Ints("ngram_indexes", nil)))
			}
			if size >= p.low && size <= p.high {
				p.column[gram(items[begin:end], 1, size)] = columns[0]
			}
			columns = columns[1:]
		}
	}
	return p, nil
}

// gram is a key for n items, each step after the last.
func gram(items []string, step, n int64) string {
	var key strings.Builder
	for k := range n {
		s := items[k*step]
		fmt.Fprintf(&key, "%d:%s", len(s), s)
	}
	return key.String()
}

// count adds up a row. Single items are counted once, whatever may be skipped.
func (p *gramPool) count(y []float32, row []string) {
	size := int64(len(row))
	for n := p.low; n <= min(p.high, size); n++ {
		for step := int64(1); step <= p.skips+1 && (n-1)*step < size && (n > 1 || step == 1); step++ {
			for at := int64(0); at+(n-1)*step < size; at++ {
				if c, ok := p.column[gram(row[at:], step, n)]; ok {
					y[c]++
				}
			}
		}
	}
	for c := range y {
		if p.mode == "IDF" {
			y[c] = min(y[c], 1)
		}
		if p.mode != "TF" && p.weights != nil {
			y[c] *= p.weights[c]
		}
	}
}

func wordsOf(x *graph.Tensor) ([]string, error) {
	if x.DType == graph.String {
		return x.Strings, nil
	}
	v, err := int64s(x)
	if err != nil {
		return nil, fmt.Errorf("input is %s, want strings or integers", x)
	}
	words := make([]string, len(v))
	for i, n := range v {
		words[i] = fmt.Sprint(n)
	}
	return words, nil
}
