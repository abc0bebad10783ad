package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/astronnx/astronnx/export"
	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/healpix"
	"github.com/astronnx/astronnx/internal/errs"
	"github.com/astronnx/astronnx/recipes"
	"github.com/astronnx/astronnx/runtime"
	"github.com/astronnx/astronnx/sky"
	"github.com/spf13/cobra"
)

// estimateFlags are the flags of estimate.
type estimateFlags struct {
	columns  []string
	hdu      int
	ordering string
	mask     string
	unit     string
	channels bool
	engine   engineFlags
}

func (t *tool) estimateCommand() *cobra.Command {
	var f estimateFlags
	cmd := &cobra.Command{
		Use:   "estimate MODEL MAP...",
		Short: "Measure parameters of maps, with their errors",
		Long: `estimate measures maps by a network that a recipe of train has made, or one with the same outputs and metadata: mean and
sigma. A finer map is averaged down to the network's nside, its unit and order are made the network's, and the network's own mask is
put on it; --mask takes away more. With --channels a sky is as many maps as the network reads channels, in their order.

It warns where the result means less than it says: an estimate outside of the range that the network was trained on, a sigma that is
the prior's, pixels without data in the network's part of the sky, a map whose rms is not that of the skies it was trained on.`,
		Example: `  astronnx estimate models/trained/tau.onnx map.fits
  astronnx estimate tau.onnx wmap.fits --unit mK --mask mask.fits
  astronnx estimate models/trained/tau-planck.onnx 100.fits 143.fits --channels`,
		Args: atLeast("MODEL", "MAP"),
		RunE: func(cmd *cobra.Command, args []string) error { return t.estimate(cmd.Context(), args[0], args[1:], f) },
	}
	flags := cmd.Flags()
	flags.StringSliceVar(&f.columns, "columns", nil, "columns to read, by name or number from 0 (default: those that the network names)")
	flags.IntVar(&f.hdu, "hdu", 0, "number of the HDU that holds the map (default: the first that does)")
	flags.StringVar(&f.ordering, "ordering", "", "RING or NESTED, in place of what the headers of maps and mask say")
	flags.StringVar(&f.mask, "mask", "", "map of the pixels to use, of the maps' nside: not 0 and not UNSEEN")
	flags.StringVar(&f.unit, "unit", "", "unit of the maps, K, mK or uK, in place of what their headers say")
	flags.BoolVar(&f.channels, "channels", false, "each map is a channel: so many in a row as the network reads make a sky")
	f.engine.add(cmd)
	return cmd
}

// estimator is a network that measures.
type estimator struct {
	*network
	parameters []export.Parameter
	columns    []string
	unit       string
	mask       []bool // in the network's order; nil: all
	rms        float64
}

// estimateReport is what estimate says as JSON.
type estimateReport struct {
	Model  string        `json:"model"`
	Engine engineInfo    `json:"engine"`
	Maps   []mapEstimate `json:"maps"`
}

type mapEstimate struct {
	Map        string         `json:"map"`
	Nside      int            `json:"nside"`
	Degraded   int            `json:"network_nside"`
	Seen       int            `json:"pixels"` // that the network sees, at its nside
	Parameters []numberAndErr `json:"parameters"`
	Warnings   []string       `json:"warnings,omitempty"`
}

type numberAndErr struct {
	Name  string  `json:"name"`
	Value float64 `json:"value"`
	Sigma float64 `json:"sigma"`
}

func (t *tool) estimate(ctx context.Context, file string, maps []string, f estimateFlags) error {
	cfg, err := f.engine.config()
	if err != nil {
		return err
	}
	order, err := orderFlag("--ordering", f.ordering)
	if err != nil {
		return err
	}
	e, err := openEstimator(file, cfg)
	if err != nil {
		return err
	}
	defer e.close()
	how := fitting{columns: f.columns, unseen: "keep", degrade: true}
	if f.mask != "" {
		if how.mask, how.maskIn, err = readMask(f.mask, order); err != nil {
			return err
		}
	}
	channels := [][]string{e.columns}
	if f.channels {
		if channels = channelsOf(e.columns); len(channels) < 2 {
			return usagef("--channels: the network reads one channel (%s)", strings.Join(e.columns, ", "))
		}
		if len(maps)%len(channels) != 0 {
			return usagef("--channels: the network reads %d channels, and %d maps were given", len(channels), len(maps))
		}
		how.columns = nil
	}
	if len(how.columns) == 0 {
		how.columns = e.columns
	}
	report := estimateReport{Model: file, Engine: engineOf(e.model.Report())}
	for files := range slices.Chunk(maps, len(channels)) {
		name := strings.Join(files, " + ")
		m, err := e.read(files, channels, f, order)
		if err != nil {
			return err
		}
		r, err := e.measure(ctx, m, how, f.unit)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		r.Map = name
		report.Maps = append(report.Maps, *r)
	}
	return t.show(report, report.write)
}

// read reads a sky: a map, or one for each channel.
func (e *estimator) read(files []string, channels [][]string, f estimateFlags, order healpix.Order) (*sky.Map, error) {
	var maps []*sky.Map
	for _, name := range files {
		m, err := readMap(name, sky.ReadOptions{HDU: f.hdu, Order: order})
		if err != nil {
			return nil, err
		}
		maps = append(maps, m)
	}
	if f.channels {
		return joined(maps, files, channels, f.columns)
	}
	if n := len(channelsOf(e.columns)); n > 1 && len(f.columns) == 0 {
		if _, err := column(maps[0], e.columns[0]); err != nil {
			return nil, errs.New(errs.Input, "%s: %w", files[0], err).WithHint("%d maps that hold a channel each are joined by --channels", n)
		}
	}
	return maps[0], nil
}

// openEstimator opens a network and reads what it knows of its maps and numbers.
func openEstimator(file string, cfg runtime.Config) (*estimator, error) {
	n, err := readNetwork(file)
	if err != nil {
		return nil, err
	}
	e := &estimator{network: n}
	var parameters map[string][]export.Parameter
	if text := n.graph.Metadata["astronnx.parameters"]; text != "" {
		if err := json.Unmarshal([]byte(text), &parameters); err != nil {
			return nil, errs.New(errs.Invalid, "%s: astronnx.parameters: %w", file, err)
		}
	}
	e.parameters = parameters["mean"]
	if _, err := n.outputs([]string{"mean", "sigma"}); err != nil || len(e.parameters) == 0 {
		return nil, errs.New(errs.Input, "%s does not say what it measures: expected outputs mean and sigma, and astronnx.parameters", file).
			WithHint(`"astronnx train peak" makes such a network; "astronnx run" runs any`)
	}
	if err := n.open(cfg, 0); err != nil {
		return nil, err
	}
	if err := e.describe(); err != nil {
		n.close()
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return e, nil
}

func (e *estimator) describe() error {
	if e.need.nside == 0 {
		return errs.New(errs.Input, "the network does not say its nside")
	}
	for _, info := range e.model.Inputs() {
		if info.Name == e.need.input && info.Map != nil {
			e.columns = info.Map.Columns
			if len(info.Map.Unit) > 0 {
				e.unit = info.Map.Unit[0]
			}
		}
	}
	key := "astronnx." + e.need.input + "."
	var err error
	if text := e.graph.Metadata[key+recipes.MaskKey]; text != "" {
		if e.mask, err = recipes.DecodeMask(text, 12*e.need.nside*e.need.nside); err != nil {
			return err
		}
	}
	if text := e.graph.Metadata[key+recipes.RMSKey]; text != "" {
		if e.rms, err = strconv.ParseFloat(text, 64); err != nil {
			return errs.New(errs.Invalid, "%s%s: %w", key, recipes.RMSKey, err)
		}
	}
	return nil
}

// measure measures one map.
func (e *estimator) measure(ctx context.Context, m *sky.Map, how fitting, unit string) (*mapEstimate, error) {
	f, err := fit(m, e.need, how)
	if err != nil {
		return nil, err
	}
	r := &mapEstimate{Nside: m.Nside, Degraded: e.need.nside}
	wanted, square, n := 0, 0.0, 0
	for p, data := range f.joint {
		if e.mask == nil || e.mask[p] {
			wanted++
			r.Seen += map[bool]int{true: 1}[data]
		}
	}
	for i, v := range f.values {
		factor, err := e.factor(f.columns[i], unit)
		if err != nil {
			return nil, err
		}
		if m.Polcconv == "IAU" && i < len(e.columns) && sky.HoldsU(e.columns[i]) {
			factor = -factor // networks learn from HEALPix's sign of U
		}
		x := graph.Data[float32](v)
		for p := range x {
			switch {
			case !f.joint[p] || e.mask != nil && !e.mask[p]:
				x[p] = healpix.Unseen
			default:
				x[p] = float32(float64(x[p]) * factor)
				square += float64(x[p]) * float64(x[p])
				n++
			}
		}
	}
	if r.Seen == 0 {
		return nil, errs.New(errs.Input, "no pixel is left of the %s that the network was trained to see", thousands(wanted)).
			WithHint("the map has no data there, or the mask leaves none")
	}
	if r.Seen < wanted {
		r.warn("%s of the %s pixels that the network was trained to see have no data and count as 0", thousands(wanted-r.Seen), thousands(wanted))
	}
	outputs, err := e.outputs([]string{"mean", "sigma"})
	if err != nil {
		return nil, err
	}
	results, _, err := e.execute(ctx, f, outputs)
	if err != nil {
		return nil, err
	}
	mean, sigma := graph.Data[float32](results[0]), graph.Data[float32](results[1])
	if len(mean) != len(e.parameters) || len(sigma) != len(mean) {
		return nil, errs.New(errs.Invalid, "%d numbers and %d errors of %d parameters", len(mean), len(sigma), len(e.parameters))
	}
	for k, p := range e.parameters {
		v := numberAndErr{p.Name, float64(mean[k]), float64(sigma[k])}
		r.Parameters = append(r.Parameters, v)
		r.judge(v, p.Prior)
	}
	if rms := math.Sqrt(square / float64(n)); e.rms > 0 && (rms > 1.5*e.rms || rms < e.rms/1.5) {
		what := "noise or foregrounds that it has never seen"
		if rms < e.rms {
			what = "another unit, beam or noise than those"
		}
		r.warn("the map's rms is %.3g%s, that of the skies the network was trained on %.3g: %s; the estimate and its error mean nothing", rms,
			strings.TrimRight(" "+e.unit, " "), e.rms, what)
	}
	return r, nil
}

// judge warns of a number that says more than is known.
func (r *mapEstimate) judge(v numberAndErr, prior *[2]float64) {
	if prior == nil {
		return
	}
	low, high := prior[0], prior[1]
	switch {
	case !(v.Value >= low && v.Value <= high):
		r.warn("%s = %.4g is outside of %g to %g, which the network was trained on", v.Name, v.Value, low, high)
	case v.Value-v.Sigma < low || v.Value+v.Sigma > high:
		// What lies beyond the prior is drawn to its ends.
		r.warn("%s = %s reaches an end of %g to %g, which the network was trained on: a sky from beyond would give the same", v.Name,
			withError(v.Value, v.Sigma), low, high)
	}
	if v.Sigma > 0.8*(high-low)/math.Sqrt(12) {
		r.warn("the map tells hardly more of %s than that it is between %g and %g, where all skies of the training were", v.Name, low, high)
	}
}

func (r *mapEstimate) warn(format string, args ...any) {
	r.Warnings = append(r.Warnings, fmt.Sprintf(format, args...))
}

// kelvins are units of temperature in K.
var kelvins = map[string]float64{"k": 1, "mk": 1e-3, "uk": 1e-6, "µk": 1e-6, "μk": 1e-6, "nk": 1e-9}

func kelvin(unit string) (float64, bool) {
	name, _, _ := strings.Cut(strings.ToLower(strings.TrimSpace(unit)), "_")
	name, _, _ = strings.Cut(name, ",")
	v, ok := kelvins[name]
	return v, ok
}

// factor brings a column's numbers to the network's unit.
func (e *estimator) factor(c *sky.Column, unit string) (float64, error) {
	if e.unit == "" {
		if unit != "" {
			return 0, usagef("--unit %s: the network's maps have no unit", unit)
		}
		return 1, nil
	}
	own, ok := kelvin(e.unit)
	if !ok {
		return 0, errs.New(errs.Invalid, "the network reads maps in %q: expected K, mK or uK", e.unit)
	}
	if unit != "" {
		from, ok := kelvin(unit)
		if !ok {
			return 0, usagef("--unit %s: expected K, mK or uK", unit)
		}
		return from / own, nil
	}
	from, ok := kelvin(c.Unit)
	switch {
	case c.Unit == "":
		return 0, errs.New(errs.Input, "column %s does not say its unit, and the network reads %s", c.Name, e.unit).
			WithHint("--unit K, mK or uK says it")
	case !ok:
		return 0, errs.New(errs.Input, "column %s is in %q, and the network reads %s", c.Name, c.Unit, e.unit).
			WithHint("--unit K, mK or uK says it, if this is a temperature")
	}
	return from / own, nil
}

func (r estimateReport) write(w io.Writer) error {
	var b strings.Builder
	head := []string{"map", ">nside", ">pixels"}
	for _, p := range r.Maps[0].Parameters {
		head = append(head, ">"+p.Name)
	}
	tab := table{head: head}
	for _, m := range r.Maps {
		row := []string{m.Map, fmt.Sprint(m.Nside), thousands(m.Seen)}
		if m.Nside != m.Degraded {
			row[1] += fmt.Sprintf(" → %d", m.Degraded)
		}
		for _, p := range m.Parameters {
			row = append(row, withError(p.Value, p.Sigma))
		}
		tab.add(row...)
	}
	if err := tab.write(&b); err != nil {
		return err
	}
	for _, m := range r.Maps {
		for _, text := range m.Warnings {
			if len(r.Maps) > 1 {
				text = filepath.Base(m.Map) + ": " + text
			}
			fmt.Fprintf(&b, "  warning: %s\n", text)
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// withError writes a number to two digits of its error.
func withError(v, sigma float64) string {
	if !(sigma > 1e-6*math.Abs(v)) || math.IsInf(sigma, 0) || math.IsNaN(v) {
		return fmt.Sprintf("%.4g ± %.2g", v, sigma)
	}
	digits := max(0, 1-int(math.Floor(math.Log10(sigma))))
	return fmt.Sprintf("%.*f ± %.*f", digits, v, digits, sigma)
}
