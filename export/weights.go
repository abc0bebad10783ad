package export

import (
	"slices"
	"strings"

	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/internal/errs"
	"github.com/astronnx/astronnx/sky"
)

// weightsOf returns the initializers of the main graph that hold floats, in the order of the graph.
func weightsOf(m *graph.Model) (list []*graph.Value) {
	for _, v := range m.Graph.Initializers {
		if v.Const != nil && v.Const.DType.IsFloat() {
			list = append(list, v)
		}
	}
	return list
}

// WriteWeights writes the floating-point initializers of m to an .npz file, each under its name. The file appears whole or not at all.
func WriteWeights(path string, m *graph.Model) error {
	var arrays []*graph.Tensor
	for _, v := range weightsOf(m) {
		if !v.Const.Loaded() {
			return errs.New(errs.Input, "the bytes of weight %q were not read", v.Name)
		}
		t := *v.Const
		t.Name = v.Name
		arrays = append(arrays, &t)
	}
	return sky.WriteArrays(path, arrays...)
}

// ReadWeights replaces the floating-point initializers of m by the arrays of an .npz file: names, element types and shapes must be
// those that [WriteWeights] gives m. Otherwise it is an error that lists the differences, and m is as before.
func ReadWeights(path string, m *graph.Model) error {
	arrays, err := sky.ReadArrays(path, 0)
	if err != nil {
		return err
	}
	have := map[string]*graph.Tensor{}
	for _, t := range arrays {
		have[t.Name] = t
	}
	var wrong []string
	list := weightsOf(m)
	for _, v := range list {
		t := have[v.Name]
		switch {
		case t == nil:
			wrong = append(wrong, v.Name+" is missing")
		case t.DType != v.Const.DType || !slices.Equal(t.Shape, v.Const.Shape):
			wrong = append(wrong, v.Name+" is "+t.String()+", the network has "+v.Const.String())
		}
	}
	for _, t := range arrays {
		if !slices.ContainsFunc(list, func(v *graph.Value) bool { return v.Name == t.Name }) {
			wrong = append(wrong, "the network has no "+t.Name)
		}
	}
	if n := len(wrong); n > 0 {
		const most = 10
		if n > most {
			wrong = append(wrong[:most], "…")
		}
		return errs.New(errs.Input, "%s does not fit the network: %s", path, strings.Join(wrong, "; ")).
			WithHint("the weights of a network are those of before its export, by their names there")
	}
	for _, v := range list {
		v.Const = have[v.Name]
	}
	return nil
}
