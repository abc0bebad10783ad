package conformance

import (
	"fmt"
	"io"
	"strings"

	"github.com/astronnx/astronnx/internal/engine"
	"github.com/astronnx/astronnx/ops"
)

// Operator is a row of the coverage table.
type Operator struct {
	Name     string   `json:"operator"`
	Opsets   []int64  `json:"opsets"`   // first opset of each version
	Engines  []string `json:"engines"`  // those that run a case of the newest version
	Gradient string   `json:"gradient"` // "yes", "through its parts", or why there is none
	Cases    int      `json:"cases"`
}

// Coverage lists the operators of set, by name. Each engine is asked to compile the first case of an operator's newest version.
func Coverage(set *ops.Set, engines []engine.Engine, o engine.Options) []Operator {
	lib := ops.Standard().With(set)
	o.Ops = set
	var rows []Operator
	for op := range set.All() { // versions of one operator follow each other, oldest first
		cases, _ := ops.ParseCases(op.Cases)
		if n := len(rows); n > 0 && rows[n-1].Name == op.FullName() {
			rows[n-1].Opsets = append(rows[n-1].Opsets, op.Since)
			rows[n-1].Cases += len(cases)
		} else {
			rows = append(rows, Operator{Name: op.FullName(), Opsets: []int64{op.Since}, Cases: len(cases)})
		}
		if set.Newest(op.Domain, op.Name) != op {
			continue
		}
		row := &rows[len(rows)-1]
		row.Gradient = gradientWord(op)
		for _, e := range engines {
			if runs(lib, op, cases, e, o) {
				row.Engines = append(row.Engines, e.Name())
			}
		}
	}
	return rows
}

func gradientWord(op *ops.Op) string {
	switch {
	case op.Grad != nil:
		return "yes"
	case op.NoGrad != "":
		return "none: " + op.NoGrad
	case op.Expand != nil:
		return "through its parts"
	}
	return "missing"
}

func runs(lib *ops.Set, op *ops.Op, cases []ops.Case, e engine.Engine, o engine.Options) bool {
	for _, c := range cases {
		if c.Error != "" {
			continue
		}
		opset := c.Opset
		if opset == 0 {
			opset = portableOpset(lib, op)
		}
		m := c.Model(op, opset)
		if op.Domain != "" {
			m.Opsets[""] = 21
		}
		if err := recovered(func() error { return ops.Infer(m, lib) }); err != nil {
			return false
		}
		if err := ops.AttachBodies(m, lib); err != nil {
			return false
		}
		for i, v := range m.Graph.Outputs {
			if v.Type == nil && len(c.Out) > i {
				return false
			}
		}
		plan, err := e.Compile(m, o)
		if err != nil {
			return false
		}
		plan.Close()
		return true
	}
	return false
}

// WriteMarkdown writes the coverage table.
func WriteMarkdown(w io.Writer, rows []Operator) error {
	var b strings.Builder
	b.WriteString("| operator | opsets | engines | gradient | cases |\n|---|---|---|---|---:|\n")
	for _, r := range rows {
		opsets := strings.Trim(strings.ReplaceAll(fmt.Sprint(r.Opsets), " ", ", "), "[]")
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %d |\n", r.Name, opsets, strings.Join(r.Engines, ", "), r.Gradient, r.Cases)
	}
	_, err := io.WriteString(w, b.String())
	return err
}
