package main

import (
	"fmt"
	"maps"
	"os"
	"strings"

	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/internal/errs"
	"github.com/astronnx/astronnx/models"
)

// openNetwork reads a file, or makes one of the networks of package models: NAME or NAME:option=value,...
func (f *trainFlags) openNetwork(name string) (*graph.Model, error) {
	kind, text, _ := strings.Cut(name, ":")
	known, err := models.Find(kind)
	if _, bad := os.Stat(name); bad == nil || err != nil {
		n, err := readNetwork(name)
		if err != nil {
			return nil, err
		}
		for key := range f.network {
			return nil, usagef("%s is a file: it has no option %s", name, key)
		}
		return n.graph, f.setDropout(n.graph)
	}
	options := maps.Clone(f.network)
	if options == nil {
		options = map[string]string{}
	}
	for _, o := range strings.FieldsFunc(text, func(r rune) bool { return r == ',' }) {
		key, value, ok := strings.Cut(o, "=")
		if !ok {
			return nil, usagef("%s: expected %s:option=value,..., see \"astronnx models write %s --help\"", name, kind, kind)
		}
		if _, drawn := options[key]; !drawn {
			options[key] = value
		}
	}
	m, err := known.New(options)
	if err != nil {
		return nil, usageError{err}
	}
	return m, f.setDropout(m)
}

// setDropout gives all Dropout nodes one ratio.
func (f *trainFlags) setDropout(m *graph.Model) error {
	if f.dropout < 0 {
		return nil
	}
	n := 0
	for _, node := range m.Graph.Nodes {
		if node.Domain != "" || node.Op != "Dropout" {
			continue
		}
		if n++; m.Opsets[""] < 12 {
			if node.Attrs == nil {
				node.Attrs = graph.Attrs{}
			}
			node.Attrs["ratio"] = float32(f.dropout)
			continue
		}
		node.SetIn(1, m.Graph.NewConst(fmt.Sprintf("dropout_ratio_%d", n), graph.Scalar(float32(f.dropout))))
	}
	if n == 0 {
		return errs.New(errs.Input, "the network has no Dropout whose ratio could be %g", f.dropout)
	}
	return nil
}
