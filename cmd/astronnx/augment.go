package main

import (
	"slices"

	"github.com/astronnx/astronnx/dataset"
	"github.com/astronnx/astronnx/healpix"
	"github.com/astronnx/astronnx/internal/errs"
	"github.com/astronnx/astronnx/sky"
)

// augment returns the augmentations of the given names, each for all ports that it fits.
func (p ports) augment(names []string) ([]dataset.Augment, error) {
	var list []dataset.Augment
	for _, name := range names {
		a, err := p.augmentation(name)
		if err != nil {
			return nil, err
		}
		list = append(list, a)
	}
	return list, nil
}

func (p ports) augmentation(name string) (dataset.Augment, error) {
	switch name {
	case "sphere":
		return p.turnSphere()
	case "squares":
		fields, err := p.cubic(name, 2)
		return dataset.Squares(fields...), err
	case "cubes":
		fields, err := p.cubic(name, 3)
		return dataset.Cubes(fields...), err
	case "shifts":
		axes := len(p.inputs[0].shape) - 1
		if axes != 2 && axes != 3 {
			return nil, errs.New(errs.Input, "--augment shifts moves images (C, H, W) or boxes (C, D, H, W): the network reads %v", p.inputs[0])
		}
		fields, err := p.cubic(name, axes)
		return dataset.Shifts(axes, fields...), err
	}
	return nil, usagef("--augment %s: expected squares, cubes, sphere or shifts", name)
}

// cubic returns the names of the ports whose last axes are equal.
func (p ports) cubic(augment string, axes int) ([]string, error) {
	var names []string
	for _, x := range p.all() {
		last := x.shape[max(len(x.shape)-axes, 0):]
		if len(last) == axes && last[0] > 1 && len(slices.Compact(slices.Clone(last))) == 1 {
			names = append(names, x.name)
		}
	}
	if names == nil {
		return nil, errs.New(errs.Input, "--augment %s fits nothing of %s", augment, listed(p.all()))
	}
	return names, nil
}

// turnSphere turns all maps among the ports. Channels named U change sign in mirrors.
func (p ports) turnSphere() (dataset.Augment, error) {
	if p.sphere.order == 0 {
		return nil, errs.New(errs.Input, "--augment sphere: the network does not say whether it reads RING or NESTED maps")
	}
	var fields []dataset.SphereField
	for _, x := range p.all() {
		if len(x.shape) != 2 {
			continue
		}
		if _, err := healpix.NsideFromNpix(int(x.shape[1])); err != nil {
			continue
		}
		f := dataset.SphereField{Name: x.name}
		switch {
		case len(p.sphere.columns) == int(x.shape[0]):
			for c, name := range p.sphere.columns {
				if sky.HoldsU(name) {
					f.Odd = append(f.Odd, c)
				}
			}
		case x.shape[0] > 1:
			return nil, errs.New(errs.Input, "--augment sphere: which of the %d channels of %s change sign in a mirror is not known", x.shape[0], x.name).
				WithHint("the network's metadata astronnx.%s.columns name them, as Q,U", x.name)
		}
		fields = append(fields, f)
	}
	if fields == nil {
		return nil, errs.New(errs.Input, "--augment sphere fits nothing of %s", listed(p.all()))
	}
	return dataset.Sphere(p.sphere.order, fields...), nil
}
