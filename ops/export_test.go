package ops

import "github.com/astronnx/astronnx/graph"

// Written is a convolution (Y) or one of its adjoints (dX, dW) in one form.
type Written struct {
	What, Form string
	Value      *graph.Value
}

var convForms = map[string][]*form{
	"Y":  {forwardConv, forwardFolded, forwardKernel},
	"dX": {inputFlipped, inputTransposed, inputColumns, inputSubpixel, inputFolded, inputStuffed, inputKernel},
	"dW": {weightSwapped, weightTaps, weightTapsOnce, weightColumns, weightColumnsOnce, weightKernel},
}

// FormNames lists the forms of Y, dX or dW.
func FormNames(what string) (names []string) {
	for _, f := range convForms[what] {
		names = append(names, f.name)
	}
	return names
}

// ConvForms writes what the convolution conv gives, and both its adjoints for dy, in every form that fits some target.
func ConvForms(b *Builder, conv *graph.Node, dy *graph.Value) (written []Written) {
	x, w := conv.In[0], conv.In[1]
	for what, in := range map[string][]*graph.Value{"Y": {x, w, conv.Input(2)}, "dX": {dy, w}, "dW": {x, dy}} {
		for _, f := range convForms[what] {
			s := convSweep(b, conv)
			s.in, s.out = dimOf(x, 1), dimOf(w, 0)
			if f.fitsFor(s, Target{Kernels: true}) || f.fitsFor(s, Target{CUDA: true}) {
				written = append(written, Written{what, f.name, f.write(s, b, in...)})
			}
		}
	}
	return written
}

// ChosenForms names the forms of Y, dX and dW that a convolution without groups gets whose kernel, stride and image are equal along
// all axes and whose pads keep maps as large as the image or as the strides make them.
func ChosenForms(t Target, axes int, kernel, stride, size, in, out int64) (names [3]string) {
	s := &sweep{window: &window{}, k: axes, group: 1, in: in, out: out}
	pad := (kernel - 1) / 2
	positions := (size+2*pad-kernel)/stride + 1
	s.kernel, s.stride, s.dilation = each(axes, kernel).known, each(axes, stride).known, each(axes, 1).known
	s.image, s.positions, s.extent, s.before = each(axes, size), each(axes, positions), each(axes, kernel), each(axes, pad)
	s.full = each(axes, (positions-1)*stride+kernel)
	s.after = each(axes, s.full.known[0]-size-pad)
	for i, rules := range [][]rule{forwardRules, inputRules, weightRules} {
		names[i] = choose(rules, s, t).name
	}
	return names
}
