package onnxio

import (
	"bytes"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/internal/errs"
	"github.com/astronnx/astronnx/internal/onnxpb"
)

// TestLimits lowers each limit below what a sound model has.
func TestLimits(t *testing.T) {
	b := bytesOf(t, everything())
	for name, l := range map[string]Limits{
		"file": {File: 100}, "structure": {Structure: 1000}, "depth": {Depth: 3}, "nodes": {Nodes: 1}, "expanded": {Expanded: 2},
		"name": {Name: 3},
	} {
		if _, err := Load(b, Options{Limits: l}); !errors.Is(err, errs.Limit) {
			t.Errorf("%s: got %v, want a limit error", name, err)
		}
	}
	if _, err := Read(strings.NewReader(string(b)), Options{Limits: Limits{File: 100}}); !errors.Is(err, errs.Limit) {
		t.Errorf("read: got %v, want a limit error", err)
	}
	if _, err := Load(b, Options{}); err != nil {
		t.Errorf("without limits: %v", err)
	}
}

// TestHostileAllocation wants small files of the densest structures to stay within the promise of Limits.
func TestHostileAllocation(t *testing.T) {
	const size = 1 << 20
	// repeat returns a megabyte of field num, each of which holds b.
	repeat := func(num protowire.Number, b ...byte) []byte {
		item := wrapped(num, b)
		return bytes.Repeat(item, size/len(item))
	}
	rows := map[string][]byte{
		"empty nodes":        wrapped(7, repeat(1)),
		"empty attributes":   wrapped(7, wrapped(1, repeat(5))),
		"empty inputs":       wrapped(7, repeat(11)),
		"short inputs":       wrapped(7, repeat(11, 0x0a, 1, 'a')),
		"empty initializers": wrapped(7, repeat(5)),
		"empty functions":    repeat(25),
		"node inputs":        wrapped(7, wrapped(1, repeat(1))),
		"node outputs":       wrapped(7, wrapped(1, repeat(2))),
		"strings":            wrapped(7, wrapped(5, repeat(6))),
		"packed numbers":     wrapped(7, wrapped(5, wrapped(7, make([]byte, size)))),
		"dimensions":         wrapped(7, wrapped(5, wrapped(1, make([]byte, size)))),
		"types":              wrapped(7, repeat(11, wrapped(2, wrapped(1, wrapped(2, wrapped(1, nil))))...)),
	}
	if _, err := Load(bytesOf(t, everything()), Options{}); err != nil { // what is built once
		t.Fatal(err)
	}
	for name, b := range rows {
		t.Run(name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&before)
			start := time.Now()
			_, err := Load(b, Options{})
			runtime.ReadMemStats(&after)
			if err == nil {
				t.Error("no error")
			}
			if got, want := after.TotalAlloc-before.TotalAlloc, uint64(baseCost+bytesCost*len(b)); got > want {
				t.Errorf("%d bytes allocated for a file of %d, want at most %d", got, len(b), want)
			}
			if d := time.Since(start); d > 2*time.Second {
				t.Errorf("took %v", d)
			}
		})
	}
}

// TestHonestDensity wants a large graph of short names and many declared types, about the densest that exporters write, to pass.
func TestHonestDensity(t *testing.T) {
	p := edit(func(p *onnxpb.Model) {
		for i := range 20_000 {
			name := fmt.Sprintf("v%d", i)
			p.Graph.Node = append(p.Graph.Node, node("Neg", []string{"x"}, []string{name},
				attr("axis", graph.IntAttr, func(a *onnxpb.Attribute) { a.I = proto.Int64(1) })))
			p.Graph.ValueInfo = append(p.Graph.ValueInfo, info(name, graph.Float32, 1, 3, 64, 64))
		}
	})
	b := bytesOf(t, p)
	if _, err := Load(b, Options{}); err != nil {
		t.Errorf("%d bytes: %v", len(b), err)
	}
}

// TestManyUses loads a value with a hundred thousand readers: anything quadratic would take minutes.
func TestManyUses(t *testing.T) {
	const n = 100_000
	in := make([]string, n)
	for i := range in {
		in[i] = "x"
	}
	p := add(node("Concat", in, []string{"z"}))
	for i := range n {
		p.Graph.Node = append(p.Graph.Node, node("Neg", []string{"x"}, []string{fmt.Sprint(i)}))
	}
	start := time.Now()
	m, err := Load(bytesOf(t, p), Options{})
	if err != nil {
		t.Fatal(err)
	}
	x := m.Graph.Input("x")
	if got := len(x.Uses()); got != 2*n+1 {
		t.Errorf("%d uses, want %d", got, 2*n+1)
	}
	m.Graph.ReplaceUses(x, m.Graph.Initializers[0])
	if err := m.Verify(); err != nil || len(x.Uses()) != 0 {
		t.Errorf("after replacing: %v, %d uses left", err, len(x.Uses()))
	}
	if d := time.Since(start); d > 20*time.Second {
		t.Errorf("took %v", d)
	}
}
