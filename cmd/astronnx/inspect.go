package main

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/internal/onnxio"
	"github.com/spf13/cobra"
)

// inspection is what a file holds, as far as it can be seen without executing it.
type inspection struct {
	File       string            `json:"file"`
	Bytes      int64             `json:"bytes"`
	IR         int64             `json:"ir_version"`
	Producer   string            `json:"producer,omitempty"`
	Doc        string            `json:"doc,omitempty"`
	Opsets     map[string]int64  `json:"opsets"`
	Inputs     []portInfo        `json:"inputs"`
	Outputs    []portInfo        `json:"outputs"`
	Parameters int64             `json:"parameters"`
	Constants  constants         `json:"constants"`
	Operators  []operator        `json:"operators"`
	Functions  []string          `json:"functions,omitempty"`
	Metadata   map[string]string `json:"metadata,omitempty"`
}

// portInfo is an input or output of a network.
type portInfo struct {
	Name     string            `json:"name"`
	Type     string            `json:"type"`
	Optional bool              `json:"optional,omitempty"`
	Map      map[string]string `json:"map,omitempty"` // what the metadata say about its pixels, see runtime.MapInfo
}

// constants sums up the tensors that a file carries.
type constants struct {
	Tensors  int   `json:"tensors"`
	Bytes    int64 `json:"bytes"`
	External int   `json:"external,omitempty"` // of the tensors, those in other files
}

// operator counts the nodes of one operator.
type operator struct {
	Name  string `json:"name"`
	Nodes int    `json:"nodes"`
	RunBy string `json:"run_by"`
}

func (t *tool) inspectCommand() *cobra.Command {
	var text bool
	cmd := &cobra.Command{
		Use:   "inspect MODEL",
		Short: "Show what is in a network, and who would execute it",
		Long: `inspect shows the inputs and outputs of an ONNX file, its parameters, operators and metadata. It needs no onnxruntime and
reads no external data, and a file that is damaged or reaches out of its folder is refused.

Each operator is executed by one of
  onnxruntime    an operator of the standard
  kernel         an operator of the sphere, for which astronnx registers a kernel with onnxruntime
  function body  an operator that the file itself defines; any ONNX runtime executes it
  nobody         neither: the file needs a runtime that knows the operator`,
		Example: `  astronnx inspect net.onnx
  astronnx inspect net.onnx --text | less
  astronnx inspect net.onnx --json`,
		Args: exactly("MODEL"),
		RunE: func(_ *cobra.Command, args []string) error {
			m, err := onnxio.LoadFile(args[0], onnxio.Options{SkipExternal: true})
			if err != nil {
				return fmt.Errorf("%s: %w", args[0], err)
			}
			if text {
				return graph.Fprint(t.out, m)
			}
			in := inspectModel(m)
			in.File = args[0]
			if info, err := os.Stat(args[0]); err == nil {
				in.Bytes = info.Size()
			}
			return t.show(in, in.write)
		},
	}
	cmd.Flags().BoolVar(&text, "text", false, "print the graph, a line a node")
	return cmd
}

func inspectModel(m *graph.Model) *inspection {
	in := &inspection{
		IR: m.IRVersion, Doc: m.Doc, Opsets: map[string]int64{},
		Producer: strings.TrimSpace(m.Producer + " " + m.ProducerVersion),
	}
	for domain, v := range m.Opsets {
		in.Opsets[cmp.Or(domain, "ai.onnx")] = v
	}
	ports := map[string]bool{}
	for _, v := range m.Graph.Inputs {
		in.Inputs = append(in.Inputs, portInfo{v.Name, v.Type.String(), v.Const != nil, mapMetadata(m, v.Name)})
		ports[v.Name] = true
	}
	for _, v := range m.Graph.Outputs {
		in.Outputs = append(in.Outputs, portInfo{Name: v.Name, Type: v.Type.String(), Map: mapMetadata(m, v.Name)})
		ports[v.Name] = true
	}
	in.Metadata = maps.Clone(m.Metadata)
	maps.DeleteFunc(in.Metadata, func(key, _ string) bool {
		for name := range ports {
			if strings.HasPrefix(key, "astronnx."+name+".") {
				return true
			}
		}
		return false
	})
	for _, f := range m.Functions {
		in.Functions = append(in.Functions, f.Domain+":"+f.Name)
	}
	slices.Sort(in.Functions)
	in.count(m)
	return in
}

// parameters counts the numbers in the floating-point initializers of a network.
func parameters(m *graph.Model) int64 {
	var in inspection
	in.count(m)
	return in.Parameters
}

// mapMetadata returns what the model's metadata say about the maps of an input or output.
func mapMetadata(m *graph.Model, name string) map[string]string {
	about := map[string]string{}
	for k, v := range m.Metadata {
		if key, ok := strings.CutPrefix(k, "astronnx."+name+"."); ok {
			about[key] = v
		}
	}
	return about
}

// count sums up the constants and the nodes of the main graph, its subgraphs included. The bodies of functions are not counted:
// a call is one node.
func (in *inspection) count(m *graph.Model) {
	nodes := map[string]*operator{}
	constant := func(t *graph.Tensor) {
		if t == nil {
			return
		}
		size, _ := graph.ByteSize(t.DType, t.Len())
		in.Constants.Tensors++
		in.Constants.Bytes += size
		if t.External != nil {
			in.Constants.External++
		}
	}
	seen := map[*graph.Graph]bool{}
	initializers := func(g *graph.Graph) {
		if seen[g] {
			return
		}
		seen[g] = true
		for _, v := range g.Initializers {
			constant(v.Const)
			if v.Const != nil && v.Const.DType.IsFloat() {
				in.Parameters += v.Const.Len()
			}
		}
	}
	initializers(m.Graph)
	m.Graph.Walk(func(g *graph.Graph, n *graph.Node) bool {
		initializers(g)
		if n.Op == "Constant" && n.Domain == "" {
			constant(n.Attrs.Tensor("value"))
		}
		o := nodes[n.OpName()]
		if o == nil {
			o = &operator{Name: n.OpName(), RunBy: runBy(m, n)}
			nodes[n.OpName()] = o
		}
		o.Nodes++
		return true
	})
	for _, name := range slices.Sorted(maps.Keys(nodes)) {
		in.Operators = append(in.Operators, *nodes[name])
	}
	slices.SortStableFunc(in.Operators, func(a, b operator) int { return cmp.Compare(b.Nodes, a.Nodes) })
}

func (in *inspection) write(w io.Writer) error {
	var b strings.Builder
	line := func(name, format string, args ...any) {
		fmt.Fprintf(&b, "%-11s %s\n", name, fmt.Sprintf(format, args...))
	}
	line("file", "%s, %s", in.File, bytesText(in.Bytes))
	if in.Producer != "" {
		line("made by", "%s", in.Producer)
	}
	if in.Doc != "" {
		line("about", "%s", strings.ReplaceAll(strings.TrimSpace(in.Doc), "\n", "\n            "))
	}
	var opsets []string
	for _, d := range slices.Sorted(maps.Keys(in.Opsets)) {
		opsets = append(opsets, fmt.Sprintf("%s %d", d, in.Opsets[d]))
	}
	line("opsets", "%s (IR version %d)", strings.Join(opsets, ", "), in.IR)
	line("parameters", "%s", thousands(in.Parameters))
	external := ""
	if in.Constants.External > 0 {
		external = fmt.Sprintf(", %d of them in other files", in.Constants.External)
	}
	line("constants", "%s in %d tensors%s", bytesText(in.Constants.Bytes), in.Constants.Tensors, external)
	for _, k := range slices.Sorted(maps.Keys(in.Metadata)) {
		line("metadata", "%s = %s", k, oneLine(in.Metadata[k]))
	}

	ports := table{head: []string{"", "name", "type", "about"}}
	add := func(kind string, list []portInfo) {
		for _, p := range list {
			var remarks []string
			if p.Optional {
				remarks = append(remarks, "optional")
			}
			for _, k := range slices.Sorted(maps.Keys(p.Map)) {
				remarks = append(remarks, k+" "+p.Map[k])
			}
			ports.add(kind, p.Name, p.Type, strings.Join(remarks, ", "))
		}
	}
	add("input", in.Inputs)
	add("output", in.Outputs)
	b.WriteByte('\n')
	_ = ports.write(&b)

	operators := table{head: []string{"operator", ">nodes", "run by"}}
	for _, o := range in.Operators {
		operators.add(o.Name, thousands(int64(o.Nodes)), o.RunBy)
	}
	b.WriteByte('\n')
	_ = operators.write(&b)
	_, err := io.WriteString(w, b.String())
	return err
}

// runBy says who would execute a node.
func runBy(m *graph.Model, n *graph.Node) string {
	body := m.Function(n) != nil
	switch {
	case hasKernel(n) && body:
		return "kernel, elsewhere its function body"
	case hasKernel(n):
		return "kernel"
	case body:
		return "function body"
	case standard(n.Domain):
		return "onnxruntime"
	}
	return "nobody"
}

// standard reports a domain whose operators onnxruntime brings along.
func standard(domain string) bool {
	return domain == "" || domain == "ai.onnx.ml" || strings.HasPrefix(domain, "com.microsoft")
}
