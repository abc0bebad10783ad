package main

import (
	"fmt"
	"io"
	"strings"
	"time"
)

// runReport is what run says as JSON, and what it puts into a .json output.
type runReport struct {
	Model  string      `json:"model"`
	Engine engineInfo  `json:"engine"`
	Maps   []mapReport `json:"maps"`
	Files  []string    `json:"files,omitempty"`
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
	fmt.Fprintf(&b, "\n  by %s\n", r.Engine.line())
	for _, note := range r.Engine.remarks() {
		fmt.Fprintf(&b, "  note: %s\n", note)
	}
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
