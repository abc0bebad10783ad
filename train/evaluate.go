package train

import (
	"context"
	"maps"

	"github.com/astronnx/astronnx/dataset"
	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/ops"
	"github.com/astronnx/astronnx/runtime"
)

// mostOutputs is how many numbers of a network's outputs are kept to take the loss of all samples at once.
const mostOutputs = 1 << 26

// evaluation runs a network in inference form over data and takes the loss of what it gives. Weights are constants of the graph,
// which engines run faster than inputs.
type evaluation struct {
	step *Step
	loss Loss
	net  *network
	ds   dataset.Dataset
	feed *feed
	cfg  runtime.Config
}

// run returns the loss of all samples. A loss that is no mean over samples is that of all at once, but for outputs too large to be
// kept: these count batch by batch.
func (e *evaluation) run(ctx context.Context, w Weights) (float64, error) {
	batch := int(e.step.Model.Graph.Input(e.step.Batch[0]).Type.Shape[0].Size)
	model, outputs, err := e.compile(w, batch)
	if err != nil {
		return 0, err
	}
	defer model.Close()
	size := int64(0)
	for _, t := range outputs {
		n, _ := graph.NumElements(t.Sizes()[1:])
		size += n
	}
	n := e.ds.Len()
	chunk := n
	if size*int64(n) > mostOutputs {
		chunk = max(batch, int(mostOutputs/size)/batch*batch)
	}
	sum := 0.0
	for from := 0; from < n; from += chunk {
		to := min(from+chunk, n)
		loss, err := e.part(ctx, model, outputs, from, to, batch)
		if err != nil {
			return 0, err
		}
		sum += loss * float64(to-from)
	}
	return sum / float64(n), nil
}

// compile makes the network with weights w, for batches of one size, and the types of its outputs.
func (e *evaluation) compile(w Weights, batch int) (*runtime.Model, []*graph.Type, error) {
	m := e.net.model.Clone()
	setWeights(m, e.net.prefix, w)
	a := assembly{batch: int64(batch)}
	for _, v := range m.Graph.Inputs {
		v.Type = a.batched(v.Type)
	}
	for _, n := range m.Graph.Nodes {
		for _, v := range n.Out {
			if v != nil && operators().Find(n.Domain, n.Op, m.Opsets[n.Domain]) != nil {
				v.Type = nil
			}
		}
	}
	if err := ops.Infer(m, operators()); err != nil {
		return nil, nil, err
	}
	var types []*graph.Type
	for _, v := range m.Graph.Outputs {
		types = append(types, v.Type)
	}
	model, err := runtime.Compile(m, e.cfg.WithOps(operators()))
	return model, types, err
}

// part is the loss of samples from to to, read ahead in batches. The last batch is filled up with samples that do not count.
func (e *evaluation) part(ctx context.Context, model *runtime.Model, types []*graph.Type, from, to, batch int) (float64, error) {
	index := make([]int, (to-from+batch-1)/batch*batch)
	for i := range index {
		index[i] = min(from+i, to-1)
	}
	selected, err := dataset.Select(e.ds, index)
	if err != nil {
		return 0, err
	}
	loader, err := dataset.NewLoader(selected, batch, dataset.LoaderOptions{})
	if err != nil {
		return 0, err
	}
	if err := loader.Start(ctx, 0, 0); err != nil {
		return 0, err
	}
	defer loader.Stop()
	var all []*graph.Tensor // outputs, then targets
	for _, t := range types {
		all = append(all, room(t, to-from))
	}
	for _, t := range e.step.Targets {
		all = append(all, room(t.Type, to-from))
	}
	for at := 0; at < to-from; at += batch {
		b, err := loader.Next()
		if err != nil {
			return 0, err
		}
		values := map[string]*graph.Tensor{}
		set := func(name string, t *graph.Tensor) error { values[name] = t; return nil }
		if err := e.feed.set(set, b.Tensors, b.Index); err != nil {
			return 0, err
		}
		in := make([]*graph.Tensor, len(e.step.Batch))
		for i, name := range e.step.Batch {
			in[i] = values[name]
		}
		out, err := model.RunList(ctx, in...)
		if err != nil {
			return 0, err
		}
		for _, t := range e.step.Targets {
			out = append(out, values[t.Name])
		}
		for i, t := range out {
			per := len(all[i].Raw) / (to - from)
			copy(all[i].Raw[at*per:], t.Raw)
		}
	}
	return lossOf(ctx, e.loss, len(types), all, e.cfg)
}

// room is a tensor for n samples of a batch's type.
func room(t *graph.Type, n int) *graph.Tensor {
	return graph.NewTensor(t.DType, append([]int64{int64(n)}, t.Sizes()[1:]...)...)
}

// lossOf is the loss of the first outputs of all against the rest.
func lossOf(ctx context.Context, l Loss, outputs int, all []*graph.Tensor, c runtime.Config) (float64, error) {
	a := newAssembly("loss", all[0].Shape[0], ops.Target{})
	values := make([]*graph.Value, len(all))
	for i, t := range all {
		values[i] = a.m.Graph.NewInput(a.b.Name("x"), graph.TypeOf(t))
	}
	loss, err := a.loss(l, values[:outputs], values[outputs:])
	if err != nil {
		return 0, err
	}
	a.m.Graph.Outputs = []*graph.Value{loss}
	model, err := runtime.Compile(a.m, c.WithOps(operators()))
	if err != nil {
		return 0, err
	}
	defer model.Close()
	out, err := model.RunList(ctx, all...)
	if err != nil {
		return 0, err
	}
	return scalarOf(out[0])
}

// setWeights makes the initializers of m those of w that have their names behind the prefix.
func setWeights(m *graph.Model, prefix string, w Weights) {
	for _, v := range m.Graph.Initializers {
		if t := w[prefix+v.Name]; t != nil && v.Const != nil {
			v.Const = t
		}
	}
}

// clone copies the tensors.
func (w Weights) clone() Weights {
	c := maps.Clone(w)
	for name, t := range c {
		c[name] = t.Clone()
	}
	return c
}
