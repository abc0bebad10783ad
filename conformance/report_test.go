package conformance_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/astronnx/astronnx/conformance"
	"github.com/astronnx/astronnx/internal/engine"
	"github.com/astronnx/astronnx/internal/engine/reference"
	"github.com/astronnx/astronnx/ops"
)

func TestReport(t *testing.T) {
	r := conformance.Report{Suite: "ONNX 9"}
	r.Add("one", []conformance.Result{
		{Case: "test_a", Opset: 13},
		{Case: "test_b", Opset: 13, Outcome: conformance.Mismatch, Reason: "got <1> want 2\nmore"},
		{Case: "test_c", Opset: 21, Outcome: conformance.Panicked, Reason: "panic"},
	})
	r.Add("two", []conformance.Result{{Case: "test_a", Opset: 13}, {Case: "test_b", Opset: 13}, {Case: "test_c", Opset: 21}})
	var text, page, data strings.Builder
	if err := r.WriteText(&text, true); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"ONNX 9, 3 cases", "one     1            0       0         1      1        0", "13    1    2   2",
		"21    0    1   1", "test_b (opset 13): mismatch: got <1> want 2\n"} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("text: got\n%s\nwant a line %q", text.String(), want)
		}
	}
	if err := r.WriteHTML(&page); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(page.String(), "got &lt;1&gt; want 2") || !strings.Contains(page.String(), "<td>21</td><td>0</td><td>1</td><td>1</td>") {
		t.Errorf("page: got\n%s", page.String())
	}
	if err := r.WriteJSON(&data); err != nil {
		t.Fatal(err)
	}
	var back map[string]any
	if err := json.Unmarshal([]byte(data.String()), &back); err != nil || !strings.Contains(data.String(), `"outcome": "mismatch"`) {
		t.Errorf("JSON: got %v\n%s", err, data.String())
	}
}

func TestCoverage(t *testing.T) {
	rows := conformance.Coverage(ops.Standard(), []engine.Engine{reference.Engine{}}, engine.Options{})
	var text strings.Builder
	if err := conformance.WriteMarkdown(&text, rows); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"| Relu | 6 | reference | yes | 1 |", "| Clip | 6, 11 | reference | yes | 3 |", "| Shape | 1 | reference | none: "} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("got no row %q", want)
		}
	}
	for _, r := range rows {
		if len(r.Engines) == 0 || r.Cases == 0 || r.Gradient == "missing" {
			t.Errorf("%s: %+v", r.Name, r)
		}
	}
}
