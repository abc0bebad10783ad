// Command bench measures astronnx beside its peers, both sides in one run on one machine, and prints their ratios. Machines are
// noisy and differ; ratios within a run are what can be compared.
//
//	go run ./bench [-json] [-only regexp] [-list]
//
// The peers are onnxruntime (the library of ASTRONNX_ORT_LIB), in the cache's Python healpy and the PyPI onnxruntime, and two builds
// of PyTorch, where they were obtained: go run ./tools/obtain torch torch-debian.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"regexp"
	"text/tabwriter"
	"time"
)

// Row is one comparison. Ratio is how many times better than the peer we are, whatever the unit: above 1 we win.
type Row struct {
	Name  string  `json:"name"`
	Ours  float64 `json:"ours"`
	Peer  float64 `json:"peer"`
	Unit  string  `json:"unit"`
	What  string  `json:"against"`
	Ratio float64 `json:"ratio"`
	Goal  float64 `json:"goal,omitempty"` // the least ratio we set out for; 0: none
}

// faster makes a row of two durations, in the unit that suits ours.
func faster(name string, ours, peer time.Duration, what string, goal float64) Row {
	unit, scale := "ms", float64(time.Millisecond)
	if ours < 100*time.Microsecond {
		unit, scale = "µs", float64(time.Microsecond)
	}
	return Row{name, float64(ours) / scale, float64(peer) / scale, unit, what, float64(peer) / float64(ours), goal}
}

// more makes a row of two rates or counts where more is better.
func more(name string, ours, peer float64, unit, what string, goal float64) Row {
	return Row{name, ours, peer, unit, what, ours / peer, goal}
}

// less makes a row of two amounts where less is better.
func less(name string, ours, peer float64, unit, what string, goal float64) Row {
	return Row{name, ours, peer, unit, what, peer / ours, goal}
}

type suite struct {
	name string
	run  func() ([]Row, error)
}

// suites are the measurements, in the order in which they are printed.
var suites = append([]suite{
	{"convolution", convolution},
	{"neighbours", neighbours},
	{"overhead", overhead},
	{"callers", callers},
	{"fits", readFITS},
	{"loader", loading},
	{"sht", transforms},
	{"portability", portability},
	{"reference", reference},
	{"tau", tau},
}, trainingSuites()...)

func main() {
	asJSON := flag.Bool("json", false, "print JSON, a row a line")
	only := flag.String("only", "", "measure the suites whose name matches")
	list := flag.Bool("list", false, "name the suites")
	steps := flag.Bool("steps", false, "take the training steps that are asked for on the standard input; suites of training start this")
	flag.Parse()
	if *steps {
		if err := serveSteps(os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, "bench:", err)
			os.Exit(1)
		}
		return
	}
	match, err := regexp.Compile(*only)
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench: -only:", err)
		os.Exit(2)
	}
	failed := false
	for _, s := range suites {
		if *list {
			fmt.Println(s.name)
			continue
		}
		if !match.MatchString(s.name) {
			continue
		}
		rows, err := s.run()
		if err != nil {
			fmt.Fprintf(os.Stderr, "bench: %s: %v\n", s.name, err)
			failed = true
		}
		if err := printRows(s.name, rows, *asJSON); err != nil {
			fmt.Fprintln(os.Stderr, "bench:", err)
			os.Exit(1)
		}
	}
	if failed {
		os.Exit(1)
	}
}

func printRows(suite string, rows []Row, asJSON bool) error {
	if asJSON {
		enc := json.NewEncoder(os.Stdout)
		for _, r := range rows {
			if err := enc.Encode(r); err != nil {
				return err
			}
		}
		return nil
	}
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(w, "%s\tours\tpeer\tunit\tratio\tgoal\t against\n", suite)
	for _, r := range rows {
		goal := "–"
		if r.Goal > 0 {
			goal = fmt.Sprintf("%.2f", r.Goal)
			if r.Ratio < r.Goal {
				goal += " missed"
			}
		}
		fmt.Fprintf(w, "%s\t%.4g\t%.4g\t%s\t%.2f\t%s\t %s\n", r.Name, r.Ours, r.Peer, r.Unit, r.Ratio, goal, r.What)
	}
	fmt.Fprintln(w)
	return w.Flush()
}

// leastRounds are run however long they take: the first ones touch memory that the machine has yet to give.
const leastRounds = 5

// fastest runs each function in turn, round after round, for about the given time and returns the shortest time of each. Taking
// turns gives all of them the same weather.
func fastest(total time.Duration, f ...func() error) ([]time.Duration, error) {
	best := make([]time.Duration, len(f))
	end := time.Now().Add(total)
	for round := 1; ; round++ {
		for i, run := range f {
			start := time.Now()
			if err := run(); err != nil {
				return nil, err
			}
			if d := time.Since(start); best[i] == 0 || d < best[i] {
				best[i] = d
			}
		}
		if round >= leastRounds && time.Now().After(end) {
			return best, nil
		}
	}
}
