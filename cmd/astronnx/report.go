package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/astronnx/astronnx/internal/engine"
)

// runReport is what run says as JSON, and what it puts into a .json output.
type runReport struct {
	Model  string        `json:"model"`
	Engine engine.Report `json:"engine"`
	Maps   []mapReport   `json:"maps"`
	Files  []string      `json:"files,omitempty"`
}

// mapReport tells about one map.
type mapReport struct {
	Map      string         `json:"map"`
	Nside    int            `json:"nside"`
	Ordering string         `json:"ordering"`
	Columns  []string       `json:"columns"`
	Pixels   int            `json:"pixels"`
	Masked   int            `json:"masked"`
	Seconds  float64        `json:"seconds"` // of the network's run alone
	Outputs  []outputReport `json:"outputs"`
}

// outputReport tells about one result: its file, or its values.
type outputReport struct {
	Name   string   `json:"name"`
	Shape  []int64  `json:"shape"`
	Type   string   `json:"type"`
	Nside  int      `json:"nside,omitempty"`
	File   string   `json:"file,omitempty"`
	Names  []string `json:"names,omitempty"` // of the values, where the network gives them
	Values any      `json:"values,omitempty"`
}

func (f *fitted) report(name string) mapReport {
	r := mapReport{
		Map: name, Nside: f.src.Nside, Ordering: orderName(f.src.Order), Pixels: f.src.Len(), Masked: f.masked,
	}
	for _, c := range f.columns {
		r.Columns = append(r.Columns, c.Name)
	}
	return r
}

func (r runReport) write(w io.Writer) error {
	var b strings.Builder
	head := table{head: []string{"map", ">nside", "order", "columns", ">pixels", ">masked", ">time"}}
	for _, m := range r.Maps {
		head.add(m.Map, fmt.Sprint(m.Nside), m.Ordering, strings.Join(m.Columns, ","), thousands(m.Pixels), thousands(m.Masked),
			timeText(time.Duration(m.Seconds*float64(time.Second))))
	}
	if err := head.write(&b); err != nil {
		return err
	}
	for k := range r.Maps[0].Outputs {
		if err := r.writeValues(&b, k); err != nil {
			return err
		}
	}
	for i, file := range r.Files {
		label := "wrote"
		if i > 0 {
			label = ""
		}
		if i == 0 {
			b.WriteByte('\n')
		}
		fmt.Fprintf(&b, "  %-6s %s\n", label, file)
	}
	fmt.Fprintf(&b, "\n  by %s\n", engineText(r.Engine))
	_, err := io.WriteString(w, b.String())
	return err
}

// widest is the number of values that a line of a table holds.
const widest = 12

// writeValues prints the results of output k that are numbers, as a table with a line for each map.
func (r runReport) writeValues(w io.Writer, k int) error {
	var tab table
	for _, m := range r.Maps {
		o := m.Outputs[k]
		if o.Values == nil {
			continue
		}
		list, flat := o.Values.([]any)
		if !flat {
			list = []any{o.Values}
		}
		cells := []string{m.Map}
		for i, v := range list {
			if i == widest {
				cells = append(cells, fmt.Sprintf("… of %d", len(list)))
				break
			}
			cells = append(cells, valueText(v))
		}
		if tab.head == nil {
			tab.head = []string{o.Name}
			for i := range cells[1:] {
				name := fmt.Sprint(i)
				if i < len(o.Names) {
					name = o.Names[i]
				}
				tab.head = append(tab.head, ">"+name)
			}
		}
		for len(cells) > len(tab.head) {
			tab.head = append(tab.head, ">"+fmt.Sprint(len(tab.head)-1))
		}
		tab.add(cells...)
	}
	if tab.head == nil {
		return nil
	}
	if _, err := io.WriteString(w, "\n"); err != nil {
		return err
	}
	return tab.write(w)
}

// valueText prints a number with six digits, anything else as it is.
func valueText(v any) string {
	switch v.(type) {
	case float32, float64:
		return fmt.Sprintf("%.6g", v)
	case nil:
		return "–"
	}
	return fmt.Sprint(v)
}

// engineText is a report in a line.
func engineText(r engine.Report) string {
	s := r.Engine
	if r.Version != "" {
		s += " " + r.Version
	}
	s += fmt.Sprintf(" on %s", r.Provider)
	if r.Provider != engine.CPU {
		s += fmt.Sprintf(" %d", r.Device)
	}
	return s + fmt.Sprintf(", %d %s", r.Threads, plural(r.Threads, "thread"))
}

// kernelText says in lines by what the HEALPix operators of a network are executed.
func kernelText(r engine.Report) []string {
	by := map[string][]string{}
	for _, k := range r.Kernels {
		how := "by its kernel"
		switch {
		case r.Engine == "reference":
			how = "by its definition in Go"
		case !k.Native:
			how = "by its function body"
			if k.Why != "" {
				how += ": " + k.Why
			}
		}
		name := k.Op[strings.LastIndex(k.Op, ":")+1:]
		name, _, _ = strings.Cut(name, "_") // variants of a body carry a digest
		if !slices.Contains(by[how], name) {
			by[how] = append(by[how], name)
		}
	}
	var lines []string
	for _, how := range slices.Sorted(maps.Keys(by)) {
		each := how
		if len(by[how]) > 1 {
			each = strings.Replace(how, "by its", "each by its", 1)
		}
		slices.Sort(by[how])
		lines = append(lines, strings.Join(by[how], ", ")+" "+each)
	}
	return lines
}

func plural(n int, noun string) string {
	if n == 1 {
		return noun
	}
	return noun + "s"
}
