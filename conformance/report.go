package conformance

import (
	"bytes"
	"cmp"
	"embed"
	"encoding/json"
	"fmt"
	"html/template"
	"io"
	"maps"
	"slices"
	"text/tabwriter"
)

// Report is what engines make of a suite.
type Report struct {
	Suite   string         `json:"suite"` // such as "ONNX 1.22.0"
	Cases   int            `json:"cases"`
	Engines []EngineReport `json:"engines"`
	Peers   []PeerCount    `json:"peers,omitempty"`
}

// PeerCount is what an engine passes of another project's cases.
type PeerCount struct {
	Suite  string `json:"suite"`
	Engine string `json:"engine"`
	Pass   int    `json:"pass"`
	Cases  int    `json:"cases"`
}

//go:embed official/onnx-go.txt skip/onnx-go.txt official/gorgonnx.txt skip/gorgonnx.txt
var peerLists embed.FS

// Peers counts the cases that github.com/owulveryck/onnx-go v0.5.0 made of the official suite of 2019: what the reference engine
// passes, as the tests of this package hold it, and what onnx-go's own engine passes, as it publishes.
func Peers() []PeerCount {
	var rows []PeerCount
	for _, p := range []struct{ list, engine string }{{"onnx-go.txt", "reference"}, {"gorgonnx.txt", "gorgonnx (as published)"}} {
		pass, err := peerLists.ReadFile("official/" + p.list)
		skip, err2 := peerLists.ReadFile("skip/" + p.list)
		if err != nil || err2 != nil {
			panic("conformance: an embedded list is missing")
		}
		n := bytes.Count(pass, []byte("\n"))
		rows = append(rows, PeerCount{"onnx-go v0.5.0", p.engine, n, n + bytes.Count(skip, []byte("\n"))})
	}
	return rows
}

// EngineReport is one engine's part.
type EngineReport struct {
	Engine   string         `json:"engine"`
	Counts   map[string]int `json:"counts"` // by outcome
	Opsets   []OpsetCount   `json:"opsets"`
	Failures []Result       `json:"failures"`
}

// OpsetCount counts the cases of one opset of the standard domain; 0 are models that could not be read.
type OpsetCount struct {
	Opset int64 `json:"opset"`
	Pass  int   `json:"pass"`
	Cases int   `json:"cases"`
}

// MarshalText is the outcome's name.
func (o Outcome) MarshalText() ([]byte, error) { return []byte(o.String()), nil }

// Add appends an engine's results.
func (r *Report) Add(engine string, results []Result) {
	e := EngineReport{Engine: engine, Counts: map[string]int{}, Failures: []Result{}}
	opsets := map[int64]*OpsetCount{}
	for _, x := range results {
		e.Counts[x.Outcome.String()]++
		o := opsets[x.Opset]
		if o == nil {
			o = &OpsetCount{Opset: x.Opset}
			opsets[x.Opset] = o
		}
		if o.Cases++; x.Outcome == Pass {
			o.Pass++
		} else {
			e.Failures = append(e.Failures, x)
		}
	}
	for _, n := range slices.Sorted(maps.Keys(opsets)) {
		e.Opsets = append(e.Opsets, *opsets[n])
	}
	r.Engines = append(r.Engines, e)
	r.Cases = max(r.Cases, len(results))
}

// WriteJSON writes the report as JSON.
func (r *Report) WriteJSON(w io.Writer) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	return enc.Encode(r)
}

// WriteText writes a table of engines, one of opsets and, if verbose, the failures with their reasons.
func (r *Report) WriteText(w io.Writer, verbose bool) error {
	fmt.Fprintf(w, "%s, %d cases\n\n", r.Suite, r.Cases)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprint(t, "engine\t")
	for _, o := range outcomes {
		fmt.Fprintf(t, "%s\t", o)
	}
	fmt.Fprintln(t)
	for _, e := range r.Engines {
		fmt.Fprintf(t, "%s\t", e.Engine)
		for _, o := range outcomes {
			fmt.Fprintf(t, "%d\t", e.Counts[o])
		}
		fmt.Fprintln(t)
	}
	fmt.Fprint(t, "\nopset\t")
	for _, e := range r.Engines {
		fmt.Fprintf(t, "%s\t", e.Engine)
	}
	fmt.Fprintln(t, "of\t")
	for _, row := range r.rows() {
		fmt.Fprintf(t, "%d\t", row.Opset)
		for _, n := range row.Pass {
			fmt.Fprintf(t, "%d\t", n)
		}
		fmt.Fprintf(t, "%d\t\n", row.Cases)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	for i, p := range r.Peers {
		if i == 0 {
			fmt.Fprintln(w)
		}
		fmt.Fprintf(w, "%s: %s passes %d of %d\n", p.Suite, p.Engine, p.Pass, p.Cases)
	}
	if !verbose {
		return nil
	}
	for _, e := range r.Engines {
		fmt.Fprintf(w, "\n%s does not pass:\n", e.Engine)
		for _, x := range e.Failures {
			fmt.Fprintf(w, "  %s (opset %d): %s: %s\n", x.Case, x.Opset, x.Outcome, firstLine(x.Reason))
		}
	}
	return nil
}

// opsetRow is a line of the table per opset: what each engine passes.
type opsetRow struct {
	Opset int64
	Pass  []int
	Cases int
}

func (r *Report) rows() []opsetRow {
	byOpset := map[int64]*opsetRow{}
	for i, e := range r.Engines {
		for _, o := range e.Opsets {
			row := byOpset[o.Opset]
			if row == nil {
				row = &opsetRow{Opset: o.Opset, Pass: make([]int, len(r.Engines))}
				byOpset[o.Opset] = row
			}
			row.Pass[i], row.Cases = o.Pass, max(row.Cases, o.Cases)
		}
	}
	rows := make([]opsetRow, 0, len(byOpset))
	for _, row := range byOpset {
		rows = append(rows, *row)
	}
	slices.SortFunc(rows, func(a, b opsetRow) int { return cmp.Compare(a.Opset, b.Opset) })
	return rows
}

var page = template.Must(template.New("report").Parse(`<!doctype html>
<html lang="en"><meta charset="utf-8"><title>{{.R.Suite}}: conformance</title>
<style>
body { font: 15px/1.5 system-ui, sans-serif; max-width: 70rem; margin: 2rem auto; padding: 0 1rem }
table { border-collapse: collapse; margin: 1rem 0 } th, td { padding: .2rem .8rem; text-align: right; border-bottom: 1px solid #ccc }
th:first-child, td:first-child, .why td { text-align: left } .why td { font-size: 13px; overflow-wrap: anywhere }
</style>
<h1>{{.R.Suite}}</h1>
<p>{{.R.Cases}} cases.</p>
<table><tr><th>engine</th>{{range .Outcomes}}<th>{{.}}</th>{{end}}</tr>
{{range $e := .R.Engines}}<tr><td>{{$e.Engine}}</td>{{range $.Outcomes}}<td>{{index $e.Counts .}}</td>{{end}}</tr>
{{end}}</table>
<table><tr><th>opset</th>{{range .R.Engines}}<th>{{.Engine}}</th>{{end}}<th>of</th></tr>
{{range .Rows}}<tr><td>{{.Opset}}</td>{{range .Pass}}<td>{{.}}</td>{{end}}<td>{{.Cases}}</td></tr>
{{end}}</table>
{{range .R.Peers}}<p>{{.Suite}}: {{.Engine}} passes {{.Pass}} of {{.Cases}}.</p>
{{end}}{{range .R.Engines}}<details><summary>{{.Engine}}: {{len .Failures}} cases do not pass</summary>
<table class="why">{{range .Failures}}<tr><td>{{.Case}}</td><td>{{.Opset}}</td><td>{{.Outcome}}</td><td>{{.Reason}}</td></tr>
{{end}}</table></details>
{{end}}</html>
`))

// WriteHTML writes the report as one page without further files.
func (r *Report) WriteHTML(w io.Writer) error {
	return page.Execute(w, map[string]any{"R": r, "Outcomes": outcomes[:], "Rows": r.rows()})
}
