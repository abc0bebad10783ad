package main

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/astronnx/astronnx/dataset"
	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/healpix"
	"github.com/astronnx/astronnx/internal/errs"
	"github.com/astronnx/astronnx/train"
)

// samples are what a network is trained on, with fields named as the inputs of its training step.
type samples struct {
	training   dataset.Dataset
	validation dataset.Dataset // nil: none
	about      string          // in words
	notes      []string        // what was found by other means than names
}

// ports are the inputs of a training step that data fill: those of the network and the targets of the loss.
type ports struct {
	inputs, targets []port
	sphere          sphere
}

type port struct {
	name    string
	dtype   graph.DType
	shape   []int64 // of a sample
	classes int64   // where it holds class numbers
}

func (p port) String() string { return fmt.Sprintf("%s %v%v", p.name, p.dtype, p.shape) }

func (p ports) all() []port { return append(slices.Clone(p.inputs), p.targets...) }

// portsOf returns the ports of a step of the network.
func portsOf(net *graph.Model, s *train.Step) ports {
	p := ports{sphere: sphereOf(net)}
	for _, name := range s.Batch {
		t := s.Model.Graph.Input(name).Type
		p.inputs = append(p.inputs, port{name: name, dtype: t.DType, shape: t.Sizes()[1:]})
	}
	for _, t := range s.Targets {
		p.targets = append(p.targets, port{t.Name, t.Type.DType, t.Type.Sizes()[1:], t.Classes})
	}
	return p
}

// sphere is what a network says about the maps that it reads.
type sphere struct {
	facts
	channels int // 0: any
	masked   bool
}

func sphereOf(net *graph.Model) sphere {
	for _, v := range net.Graph.Inputs {
		if !isMapInput(v.Type) {
			continue
		}
		s := sphere{masked: detectsUnseen(net), channels: int(max(v.Type.Shape[1].Size, 0))}
		if o, err := healpix.ParseOrder(strings.ToUpper(net.Metadata["astronnx."+v.Name+".ordering"])); err == nil {
			s.order = o
		}
		if columns := net.Metadata["astronnx."+v.Name+".columns"]; columns != "" {
			s.columns = strings.Split(columns, ",")
		}
		s.facts = s.inferred(net, v)
		return s
	}
	return sphere{}
}

// mostChecked is how many numbers of targets are looked at before a training begins.
const mostChecked = 1 << 24

// check looks for targets that are no numbers or no classes.
func (p ports) check(ctx context.Context, ds dataset.Dataset) error {
	o := dataset.CheckOptions{Classes: map[string]int{}}
	var names []string
	size := int64(ds.Len())
	for _, x := range p.targets {
		names = append(names, x.name)
		if x.classes > 0 {
			o.Classes[x.name] = int(x.classes)
		}
		n, _ := graph.NumElements(x.shape)
		size *= max(n, 1)
	}
	if len(names) == 0 || size > mostChecked {
		return nil
	}
	targets, err := dataset.Pick(ds, names...)
	if err != nil {
		return err
	}
	return dataset.Check(ctx, targets, o)
}

// samples opens the data of a training.
func (f *trainFlags) samples(ctx context.Context, p ports) (*samples, error) {
	data, err := openSource("--data", f.data, f.dataColumns, false, p.sphere, f.unseen)
	if err != nil {
		return nil, err
	}
	if data.table != nil && len(f.target) == 0 {
		return nil, errs.New(errs.Input, "%s is a table: --target says what its rows are to give", data.paths[0])
	}
	var target *source
	if len(f.target) > 0 {
		target, err = openSource("--target", f.target, f.columns, true, p.sphere, f.unseen)
		if err != nil {
			return nil, err
		}
	}
	all, rows, notes, err := f.join(p, data, target)
	if err != nil {
		return nil, err
	}
	if err := p.check(ctx, all); err != nil {
		return nil, err
	}
	s := &samples{training: all, about: strings.Join(append(slices.Clone(f.data), f.target...), ", "), notes: notes}
	part, err := strconv.ParseFloat(f.validation, 64)
	switch {
	case err != nil:
		if s.validation, err = f.validationFile(p, target); err != nil {
			return nil, err
		}
		return s, nil
	case !(part >= 0 && part < 1):
		return nil, usagef("--validation %s: expected a part from 0 to 1, or files", f.validation)
	case part == 0:
		return s, nil
	}
	var parts [][]int
	if f.group == "" {
		parts, err = dataset.Split(all.Len(), []float64{1 - part, part}, f.seed)
	} else {
		var groups []string
		if groups, err = f.groups(ctx, data, rows); err == nil {
			parts, err = dataset.SplitByGroup(groups, []float64{1 - part, part}, f.seed)
		}
	}
	if err != nil {
		return nil, err
	}
	if len(parts[1]) == 0 {
		return nil, errs.New(errs.Input, "a part of %s of %d samples is none: --validation 0 goes without", f.validation, all.Len())
	}
	if s.training, err = dataset.Select(all, parts[0]); err != nil {
		return nil, err
	}
	s.validation, err = dataset.Select(all, parts[1])
	return s, err
}

// join returns the samples of the two flags, and the table that names their groups if there is one.
func (f *trainFlags) join(p ports, data, target *source) (ds dataset.Dataset, rows *dataset.Table, notes []string, err error) {
	if target == nil {
		ds, err = data.fill(p.all(), f.group)
		return ds, nil, data.notes, err
	}
	if data.maps && target.table != nil {
		if target, err = target.rows(data.paths); err != nil {
			return nil, nil, nil, err
		}
	}
	in, err := data.fill(p.inputs, f.group)
	if err != nil {
		return nil, nil, nil, err
	}
	out, err := target.fill(p.targets, f.group)
	if err != nil {
		return nil, nil, nil, err
	}
	if in.Len() != out.Len() {
		return nil, nil, nil, errs.New(errs.Input, "%s holds %d samples, %s %d: expected as many", data.flag, in.Len(), target.flag, out.Len())
	}
	ds, err = dataset.Zip(in, out)
	return ds, target.table, append(data.notes, target.notes...), err
}

// validationFile opens the files of --validation: arrays of inputs and targets, or maps that the table of --target names.
func (f *trainFlags) validationFile(p ports, target *source) (dataset.Dataset, error) {
	v, err := openSource("--validation", []string{f.validation}, f.dataColumns, false, p.sphere, f.unseen)
	if err != nil {
		return nil, err
	}
	if !v.maps {
		target = nil
	} else if target == nil || target.table == nil {
		return nil, errs.New(errs.Input, "--validation %s holds maps without targets", f.validation).
			WithHint("give .npz files with both, or with --target a table that names the maps' files")
	}
	ds, _, _, err := f.join(p, v, target)
	return ds, err
}

// groups returns the group of each sample: a column of the table, or an array of one number a sample.
func (f *trainFlags) groups(ctx context.Context, data *source, rows *dataset.Table) ([]string, error) {
	if rows != nil {
		return rows.Groups(f.group)
	}
	if data.table != nil {
		return data.table.Groups(f.group)
	}
	ds, err := dataset.Pick(data.set, f.group)
	if err != nil {
		return nil, fmt.Errorf("--group: %w", err)
	}
	field := ds.Fields()[0]
	if len(beyondOne(field.Shape)) > 0 {
		return nil, errs.New(errs.Input, "--group %s: expected one number a sample, got %v", f.group, field.Shape)
	}
	all, err := dataset.ReadAll(ctx, ds)
	if err != nil {
		return nil, err
	}
	out := make([]string, ds.Len())
	size := len(all[0].Raw) / max(len(out), 1)
	for i := range out {
		out[i] = string(all[0].Raw[i*size : (i+1)*size])
	}
	return out, nil
}
