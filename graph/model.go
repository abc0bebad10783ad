package graph

// Model is what an ONNX file holds.
type Model struct {
	IRVersion                 int64
	Producer, ProducerVersion string
	Domain                    string
	Version                   int64
	Doc                       string
	Opsets                    map[string]int64 // opset imports; the standard domain is ""
	Graph                     *Graph
	Functions                 []*Function
	Metadata                  map[string]string
	Training                  []*Training
	// Extra is serialised protobuf fields that the model does not represent (device configurations), carried unchanged.
	Extra []byte
}

// Function is a model-local operator with a body in other operators.
type Function struct {
	Domain, Name, Overload string
	Doc                    string
	Attrs                  []string // required attributes
	Defaults               Attrs    // attributes with a default
	Opsets                 map[string]int64
	Body                   *Graph // Inputs and Outputs are the formal parameters
	Metadata               map[string]string
	AttrDocs               map[string]string // documentation of Defaults by name
	// Extra is serialised fields of the file's function that belong to no value, carried unchanged.
	Extra []byte
}

// Training is a training step stored with a model.
type Training struct {
	Init, Algorithm *Graph
	InitBinding     []Binding
	UpdateBinding   []Binding
}

// Binding assigns the output Value of a training graph to the initializer Name. ONNX keeps these as ordered pairs.
type Binding struct{ Name, Value string }

// Function returns the model-local function that n calls, nil if there is none.
func (m *Model) Function(n *Node) *Function {
	for _, f := range m.Functions {
		if f.Domain == n.Domain && f.Name == n.Op && f.Overload == n.Overload {
			return f
		}
	}
	return nil
}

// Graphs calls yield for the main graph, every function body and training graph; subgraphs are reached by [Graph.Walk].
func (m *Model) Graphs(yield func(name string, g *Graph) bool) {
	if m.Graph != nil && !yield("graph", m.Graph) {
		return
	}
	for _, f := range m.Functions {
		if f.Body != nil && !yield("function "+f.Domain+":"+f.Name, f.Body) {
			return
		}
	}
	for _, t := range m.Training {
		for _, g := range []*Graph{t.Init, t.Algorithm} {
			if g != nil && !yield("training", g) {
				return
			}
		}
	}
}
