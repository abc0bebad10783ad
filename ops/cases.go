package ops

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode"

	"github.com/astronnx/astronnx/graph"
)

// Case is one example of an operator: a node's attributes and inputs with the outputs they must give.
type Case struct {
	Name    string
	Opset   int64 // 0: the newest that has the version
	Attrs   graph.Attrs
	In, Out []*graph.Tensor // nil: absent
	Error   string          // not empty: the operator must refuse the inputs with an error that contains this
	Kink    bool            // the operator has no derivative here
	Fixed   bool            // the case does not grow
	Sized   bool            // the gradient needs every size of the first input

	line  string
	outer map[string]*graph.Value // what subgraphs read of the case's inputs
}

// Model returns a new model of one node, op with the case's attributes, whose inputs x0, x1, ... have the case's types and whose
// outputs are y0, y1, .... Absent values are not connected. The case may have been changed since it was parsed, but for subgraphs.
func (c Case) Model(op *Op, opset int64) *graph.Model {
	fresh, err := parseCase(c.line) // subgraphs belong to one model
	if err != nil {
		panic(err)
	}
	for name, v := range c.Attrs {
		switch v.(type) {
		case *graph.Graph, []*graph.Graph:
		default:
			fresh.Attrs[name] = v
		}
	}
	c.Attrs, c.outer = fresh.Attrs, fresh.outer
	m := &graph.Model{IRVersion: 10, Opsets: map[string]int64{op.Domain: opset}, Graph: &graph.Graph{Name: c.Name}}
	if op.Domain != "" {
		m.Opsets[""] = NewestOpset
	}
	in, out := make([]*graph.Value, len(c.In)), make([]*graph.Value, len(c.Out))
	for i, t := range c.In {
		if t == nil {
			continue
		}
		v := c.outer[fmt.Sprintf("x%d", i)]
		if v == nil {
			v = &graph.Value{Name: fmt.Sprintf("x%d", i)}
		}
		v.Type = graph.TypeOf(t)
		in[i], m.Graph.Inputs = v, append(m.Graph.Inputs, v)
	}
	for i, t := range c.Out {
		if t != nil {
			out[i] = &graph.Value{Name: fmt.Sprintf("y%d", i)}
			m.Graph.Outputs = append(m.Graph.Outputs, out[i])
		}
	}
	if len(out) == 0 { // a case of an error
		out = []*graph.Value{{Name: "y0"}}
		m.Graph.Outputs = out
	}
	n := graph.NewNode(op.Domain, op.Name, c.Attrs, in, out)
	n.Name = c.Name
	m.Graph.Append(n)
	return m
}

// ParseCases reads examples, one a line; a line that is indented deeper than the first continues the one above.
//
//	name {mark} {attribute} {value} -> {value}
//	name {mark} {attribute} {value} -> error "part of its text"
//
// An attribute is key=3, key=0.5 (a point or exponent makes it a float), key="text", key=[1,2], key=[0.5], key=["a"],
// key=(value) for a tensor, or key={graph}. A value is an element type (none: float32), a shape in brackets and the elements:
//
//	[2 3] 1 2 3 4 5 6    i64[] 7    bool[2] 1 0    str[1] "a b"    f16[2] nan -inf    [2 12] 0..23    [3] 5*3
//
// where a..b counts up and x*n repeats. Written _ it is absent; (value ...) is a sequence, ?(value) or ?() an optional.
// A graph lists inputs, outputs and nodes, and may read the case's own inputs as x0, x1, ...:
//
//	{i cond a -> cond b: b = Add(a, x2); c = Gather{axis=1}(b, i)}
//
// Marks are !kink (no derivative here), !sized (its gradient needs all sizes), !fixed (does not grow) and @13 (at this opset).
func ParseCases(text string) ([]Case, error) {
	var cases []Case
	for _, line := range caseLines(text) {
		c, err := parseCase(line)
		if err != nil {
			return nil, fmt.Errorf("case %q: %w", strings.Fields(line)[0], err)
		}
		cases = append(cases, c)
	}
	return cases, nil
}

func caseLines(text string) []string {
	var lines []string
	indent := -1
	for line := range strings.Lines(text) {
		body := strings.TrimLeft(line, " \t")
		if strings.TrimSpace(body) == "" {
			continue
		}
		depth := len(line) - len(body)
		if indent < 0 {
			indent = depth
		}
		if depth > indent && len(lines) > 0 {
			lines[len(lines)-1] += " " + strings.TrimSpace(body)
		} else {
			lines = append(lines, strings.TrimSpace(body))
		}
	}
	return lines
}

func parseCase(line string) (c Case, err error) {
	p := &caseParser{toks: caseTokens(line), outer: map[string]*graph.Value{}}
	defer p.recover(&err)
	c = Case{Name: p.next(), Attrs: graph.Attrs{}, line: line, outer: p.outer}
	for p.peek() != "->" {
		switch t := p.peek(); {
		case t == "":
			p.fail("no ->")
		case t == "!kink":
			c.Kink = p.next() != ""
		case t == "!sized":
			c.Sized = p.next() != ""
		case t == "!fixed":
			c.Fixed = p.next() != ""
		case t[0] == '@':
			c.Opset = p.integer(p.next()[1:])
		case p.after(1) == "=":
			p.next()
			p.next()
			c.Attrs[t] = p.attr()
		default:
			c.In = append(c.In, p.value())
		}
	}
	p.next()
	if p.peek() == "error" {
		p.next()
		if c.Error = "error"; p.peek() != "" {
			c.Error = p.text(p.next())
		}
		return c, nil
	}
	for p.peek() != "" {
		c.Out = append(c.Out, p.value())
	}
	if len(c.Out) == 0 {
		p.fail("no outputs")
	}
	return c, nil
}

// caseTokens splits at spaces and around ( ) [ ] { } = , ; and keeps quoted strings whole.
func caseTokens(s string) []string {
	var toks []string
	for i := 0; i < len(s); {
		switch {
		case s[i] == ' ' || s[i] == '\t' || s[i] == ',':
			i++
		case strings.IndexByte("()[]{}=;", s[i]) >= 0:
			toks = append(toks, s[i:i+1])
			i++
		case s[i] == '"':
			quoted, err := strconv.QuotedPrefix(s[i:])
			if err != nil {
				quoted = s[i:]
			}
			toks = append(toks, quoted)
			i += len(quoted)
		default:
			j := i
			for j < len(s) && strings.IndexByte(" \t,()[]{}=;\"", s[j]) < 0 {
				j++
			}
			word := s[i:j]
			if strings.HasSuffix(word, ":") {
				toks = append(toks, word[:len(word)-1], ":")
			} else {
				toks = append(toks, word)
			}
			i = j
		}
	}
	return toks
}

type caseParser struct {
	toks  []string
	at    int
	outer map[string]*graph.Value
}

type caseError string

func (p *caseParser) fail(format string, args ...any) { panic(caseError(fmt.Sprintf(format, args...))) }

func (p *caseParser) recover(err *error) {
	switch r := recover().(type) {
	case nil:
	case caseError:
		*err = fmt.Errorf("%s, at token %d of %q", string(r), p.at, p.toks)
	default:
		panic(r)
	}
}

func (p *caseParser) after(n int) string {
	if p.at+n < len(p.toks) {
		return p.toks[p.at+n]
	}
	return ""
}

func (p *caseParser) peek() string { return p.after(0) }

func (p *caseParser) next() string {
	t := p.peek()
	p.at++
	return t
}

func (p *caseParser) want(t string) {
	if got := p.next(); got != t {
		p.fail("got %q want %q", got, t)
	}
}

func (p *caseParser) integer(s string) int64 {
	n, err := strconv.ParseInt(s, 0, 64)
	if err != nil {
		p.fail("%q is no integer", s)
	}
	return n
}

func (p *caseParser) text(s string) string {
	u, err := strconv.Unquote(s)
	if err != nil {
		p.fail("%s is no quoted string", s)
	}
	return u
}

func (p *caseParser) attr() any {
	switch p.peek() {
	case "[":
		p.next()
		var list []any
		for p.peek() != "]" {
			list = append(list, p.attrScalar())
		}
		p.next()
		return p.attrList(list)
	case "(":
		p.next()
		v := p.value()
		p.want(")")
		return v
	case "{":
		return p.graph(nil)
	}
	return p.attrScalar()
}

func (p *caseParser) attrScalar() any {
	t := p.next()
	switch {
	case t == "":
		p.fail("no attribute value")
	case t[0] == '"':
		return p.text(t)
	case strings.ContainsAny(t, ".nN") || strings.ContainsAny(t, "eE") && !strings.HasPrefix(t, "0x"):
		return float32(p.float(t))
	}
	return p.integer(t)
}

func (p *caseParser) attrList(list []any) any {
	if len(list) == 0 {
		return []int64{}
	}
	switch list[0].(type) {
	case int64:
		return attrsOf[int64](p, list)
	case float32:
		return attrsOf[float32](p, list)
	}
	return attrsOf[string](p, list)
}

func attrsOf[T any](p *caseParser, list []any) []T {
	out := make([]T, len(list))
	for i, v := range list {
		x, ok := v.(T)
		if !ok {
			p.fail("a list of %T holds a %T", out[0], v)
		}
		out[i] = x
	}
	return out
}

func (p *caseParser) float(s string) float64 {
	x, err := strconv.ParseFloat(s, 64)
	if err != nil && !math.IsInf(x, 0) {
		p.fail("%q is no number", s)
	}
	return x
}

var caseTypes = map[string]graph.DType{
	"f32": graph.Float32, "f64": graph.Float64, "f16": graph.Float16, "bf16": graph.BFloat16, "bool": graph.Bool, "str": graph.String,
	"i8": graph.Int8, "i16": graph.Int16, "i32": graph.Int32, "i64": graph.Int64,
	"u8": graph.Uint8, "u16": graph.Uint16, "u32": graph.Uint32, "u64": graph.Uint64,
	"c64": graph.Complex64, "c128": graph.Complex128, "i4": graph.Int4, "u4": graph.Uint4, "i2": graph.Int2, "u2": graph.Uint2,
	"f8e4m3fn": graph.Float8E4M3FN, "f8e4m3fnuz": graph.Float8E4M3FNUZ, "f8e5m2": graph.Float8E5M2,
	"f8e5m2fnuz": graph.Float8E5M2FNUZ, "f4e2m1": graph.Float4E2M1, "f8e8m0": graph.Float8E8M0,
}

func (p *caseParser) value() *graph.Tensor {
	dtype := graph.Float32
	switch t := p.next(); t {
	case "_":
		return nil
	case "(":
		return graph.Sequence(p.values()...)
	case "?":
		p.want("(")
		v := p.values()
		if len(v) > 1 {
			p.fail("an optional of %d values", len(v))
		}
		return &graph.Tensor{Kind: graph.OptionalKind, Elems: v}
	case "[":
	default:
		var ok bool
		if dtype, ok = caseTypes[t]; !ok {
			p.fail("unknown element type %q", t)
		}
		p.want("[")
	}
	var shape []int64
	for p.peek() != "]" {
		shape = append(shape, p.integer(p.next()))
	}
	p.next()
	n, ok := graph.NumElements(shape)
	if !ok || n > 1<<20 {
		p.fail("shape %v", shape)
	}
	return p.elements(graph.NewTensor(dtype, shape...), int(n))
}

func (p *caseParser) values() []*graph.Tensor {
	v := []*graph.Tensor{}
	for p.peek() != ")" {
		v = append(v, p.value())
	}
	p.next()
	return v
}

// elements fills t from the words that follow.
func (p *caseParser) elements(t *graph.Tensor, n int) *graph.Tensor {
	var words []string
	for len(words) < n {
		w := p.peek()
		if w == "" || t.DType == graph.String && w[0] != '"' || t.DType != graph.String && !numeric(w) {
			p.fail("%d elements for %s", len(words), t)
		}
		p.next()
		words = append(words, p.repeat(w)...)
	}
	if len(words) > n {
		p.fail("%d elements for %s", len(words), t)
	}
	var err error
	switch {
	case t.DType == graph.String:
		for i, w := range words {
			t.Strings[i] = p.text(w)
		}
	case t.DType == graph.Uint64:
		for i, w := range words {
			if graph.Data[uint64](t)[i], err = strconv.ParseUint(w, 0, 64); err != nil {
				break
			}
		}
	case t.DType.IsInt() || t.DType == graph.Bool:
		err = storeInts(t, n, func(i int) int64 { return p.integer(words[i]) })
	default:
		err = storeFloats(t, n, func(i int) float64 { return p.float(words[i]) }, castRule{true, "up"})
	}
	if err != nil {
		p.fail("%v", err)
	}
	return t
}

func numeric(w string) bool {
	w = strings.TrimLeft(w, "+-")
	return w != "" && (unicode.IsDigit(rune(w[0])) || w[0] == '.' || w == "nan" || w == "inf" || strings.HasPrefix(w, "inf*"))
}

// repeat writes out a..b and x*n.
func (p *caseParser) repeat(w string) []string {
	if w[0] == '"' {
		return []string{w}
	}
	if lo, hi, ok := strings.Cut(w, ".."); ok {
		var out []string
		for i := p.integer(lo); i <= p.integer(hi); i++ {
			out = append(out, strconv.FormatInt(i, 10))
		}
		return out
	}
	if x, n, ok := strings.Cut(w, "*"); ok {
		out := make([]string, p.integer(n))
		for i := range out {
			out[i] = x
		}
		return out
	}
	return []string{w}
}

// graph reads {inputs -> outputs: node; node} after its opening brace is next. Values of outer may be read by name.
func (p *caseParser) graph(outer map[string]*graph.Value) *graph.Graph {
	p.want("{")
	g := &graph.Graph{Name: "body"}
	known := map[string]*graph.Value{}
	for name, v := range outer {
		known[name] = v
	}
	for p.peek() != "->" {
		name := p.next()
		known[name] = g.NewInput(name, nil)
	}
	p.next()
	var outs []string
	for p.peek() != ":" && p.peek() != "}" {
		outs = append(outs, p.next())
	}
	for p.peek() != "}" {
		if t := p.next(); t != ":" && t != ";" {
			p.fail("got %q want ; or }", t)
		}
		if p.peek() != "}" {
			g.Append(p.node(known))
		}
	}
	p.next()
	for _, name := range outs {
		g.Outputs = append(g.Outputs, p.find(known, name))
	}
	return g
}

// node reads "y z = Op{attributes}(a b)".
func (p *caseParser) node(known map[string]*graph.Value) *graph.Node {
	var out []*graph.Value
	for p.peek() != "=" {
		if p.peek() == "" {
			p.fail("a node without =")
		}
		out = append(out, &graph.Value{Name: p.next()})
	}
	p.next()
	domain, op := splitName(p.next())
	attrs := graph.Attrs{}
	if p.peek() == "{" {
		p.next()
		for p.peek() != "}" {
			key := p.next()
			p.want("=")
			if p.peek() == "{" {
				attrs[key] = p.graph(known)
			} else {
				attrs[key] = p.attr()
			}
		}
		p.next()
	}
	p.want("(")
	var in []*graph.Value
	for p.peek() != ")" {
		if name := p.next(); name == "_" {
			in = append(in, nil)
		} else {
			in = append(in, p.find(known, name))
		}
	}
	p.next()
	for _, v := range out {
		known[v.Name] = v
	}
	return graph.NewNode(domain, op, attrs, in, out)
}

// find returns a value by name; x0, x1, ... are the case's inputs unless the graph hides them.
func (p *caseParser) find(known map[string]*graph.Value, name string) *graph.Value {
	if v := known[name]; v != nil {
		return v
	}
	if digits := strings.TrimPrefix(name, "x"); digits == name || strings.Trim(digits, "0123456789") != "" || digits == "" {
		p.fail("nothing computes %q", name)
	}
	if p.outer[name] == nil {
		p.outer[name] = &graph.Value{Name: name}
	}
	return p.outer[name]
}
