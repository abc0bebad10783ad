package models

import (
	"fmt"
	"reflect"
	"strconv"

	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/internal/errs"
)

// Network is a network of this package under its name, for programs that let people choose.
type Network struct {
	Name, Doc string
	Options   []Option
	// New builds the network. Options that are not given have their defaults; one that Options does not list, or whose
	// value cannot be read, is an error.
	New func(options map[string]string) (*graph.Model, error)
}

// Option is a field of a network's configuration.
type Option struct {
	Name    string // as in the JSON of the configuration
	Help    string
	Default string // empty: zero, or chosen by the network
}

// All returns the networks in order of their names.
func All() []Network {
	return []Network{
		network("multiresolution", "split maps into bands of angular scales that add up to them", Multiresolution),
		network("nnhealpix", "classify or measure maps by convolutions on the sphere (Krachmalnicoff & Tomasi 2019)", NNHealpix),
	}
}

// Find returns the network of a name.
func Find(name string) (Network, error) {
	var names []string
	for _, n := range All() {
		if n.Name == name {
			return n, nil
		}
		names = append(names, n.Name)
	}
	return Network{}, errs.New(errs.Input, "there is no network %q: expected one of %q", name, names)
}

func network[C any](name, doc string, build func(C) (*graph.Model, error)) Network {
	n := Network{Name: name, Doc: doc}
	for f := range reflect.TypeFor[C]().Fields() {
		n.Options = append(n.Options, Option{f.Tag.Get("json"), f.Tag.Get("help"), f.Tag.Get("default")})
	}
	n.New = func(options map[string]string) (*graph.Model, error) {
		var cfg C
		v := reflect.ValueOf(&cfg).Elem()
		known := map[string]int{}
		for i, o := range n.Options {
			known[o.Name] = i
		}
		for key, text := range options {
			i, ok := known[key]
			if !ok {
				return nil, errs.New(errs.Input, "%s has no option %q", name, key)
			}
			if err := setField(v.Field(i), text); err != nil {
				return nil, errs.New(errs.Input, "%s: option %s is %q: %w", name, key, text, err)
			}
		}
		return build(cfg)
	}
	return n
}

// defaults gives fields that are zero the values of their default tags. The tags are this package's own: a bad one is
// an error of it.
func defaults[C any](cfg *C) error {
	v := reflect.ValueOf(cfg).Elem()
	for i := range v.NumField() {
		if text := v.Type().Field(i).Tag.Get("default"); text != "" && v.Field(i).IsZero() {
			if err := setField(v.Field(i), text); err != nil {
				return fmt.Errorf("models: default of %s: %w", v.Type().Field(i).Name, err)
			}
		}
	}
	return nil
}

func setField(f reflect.Value, text string) error {
	switch f.Kind() {
	case reflect.String:
		f.SetString(text)
		return nil
	case reflect.Bool:
		b, err := strconv.ParseBool(text)
		if err != nil {
			return fmt.Errorf("expected true or false")
		}
		f.SetBool(b)
	case reflect.Int:
		x, err := strconv.ParseInt(text, 10, 0)
		if err != nil {
			return fmt.Errorf("expected an integer")
		}
		f.SetInt(x)
	case reflect.Uint64:
		x, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			return fmt.Errorf("expected an integer from 0")
		}
		f.SetUint(x)
	case reflect.Float64:
		x, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return fmt.Errorf("expected a number")
		}
		f.SetFloat(x)
	default:
		panic(fmt.Sprintf("models: no option of type %s", f.Type()))
	}
	return nil
}
