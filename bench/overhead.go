package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"time"
)

var benchLine = regexp.MustCompile(`(?m)^Benchmark(\S+?)(?:-\d+)?\s+\d+\s+([\d.]+) ns/op(?:.*?\s(\d+) allocs/op)?`)

// overhead compares a run of a tiny model with the bare C call, which the engine's own benchmarks time in turns.
func overhead() ([]Row, error) {
	cmd := exec.Command("go", "test", "-run", "^$", "-bench", "^BenchmarkRun$", "-benchtime", "20000x", "-count", "8", "./internal/engine/ort")
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("%w\n%s", err, bytes.TrimSpace(out))
	}
	best, allocs := map[string]float64{}, map[string]float64{}
	for _, m := range benchLine.FindAllSubmatch(out, -1) {
		name := string(m[1])
		ns, _ := strconv.ParseFloat(string(m[2]), 64)
		if old, ok := best[name]; !ok || ns < old {
			best[name] = ns
		}
		if len(m[3]) > 0 {
			allocs[name], _ = strconv.ParseFloat(string(m[3]), 64)
		}
	}
	floor, session := best["Run/C"], best["Run/Session"]
	if floor == 0 || session == 0 {
		return nil, fmt.Errorf("no figures in\n%s", out)
	}
	ns := func(name string) time.Duration { return time.Duration(best[name] * float64(time.Nanosecond)) }
	return []Row{
		faster("session run", ns("Run/Session"), ns("Run/C"), "the C call", 0),
		less("session run, above the C call", max(1, session-floor), 300, "ns", "limit", 1),
		less("session run, allocations + 1", allocs["Run/Session"]+1, 1, "", "limit", 1),
		faster("model run, own output", ns("Run/Plan"), ns("Run/C"), "the C call", 0),
		faster("model run, given output", ns("Run/PlanInPlace"), ns("Run/C"), "the C call", 0),
	}, nil
}
