package main

import (
	"context"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/healpix"
	"github.com/astronnx/astronnx/internal/errs"
	"github.com/astronnx/astronnx/internal/onnxio"
	"github.com/astronnx/astronnx/models"
	"github.com/astronnx/astronnx/plot"
	"github.com/astronnx/astronnx/sky"
	"github.com/spf13/cobra"
)

// The maps of the demo, in Debian's package healpy-data: WMAP's seven years at 94 GHz (Jarosik et al. 2011, ApJS 192, 14), as
// I, Q, U in mK, averaged down to nside 32; and the same with UNSEEN where WMAP's analysis masks the Galaxy.
const (
	wmapFile       = "wmap_band_iqumap_r9_7yr_W_v4_udgraded32.fits"
	wmapMaskedFile = "wmap_band_iqumap_r9_7yr_W_v4_udgraded32_masked.fits"
)

// tolerance bounds the reconstruction error of the bands in float32.
const tolerance = 1e-6

// demoReport is what demo says as JSON. Band RMS values are in the unit of the maps.
type demoReport struct {
	Network    string     `json:"network"`
	Parameters int64      `json:"parameters"`
	Unit       string     `json:"unit"`
	Columns    []string   `json:"columns"`
	Engine     engineInfo `json:"engine"`
	Maps       []demoMap  `json:"maps"`
	Difference float64    `json:"ring_nested_difference"` // the largest, of bands of a map and of its reordered copy
	Files      []string   `json:"files"`

	Training *demoTraining `json:"training,omitempty"`
}

// demoMap tells about one map that went through the network.
type demoMap struct {
	Map      string     `json:"map"`
	Ordering string     `json:"ordering"`
	Nside    int        `json:"nside"`
	Pixels   int        `json:"pixels"`
	Masked   int        `json:"masked"`
	RMS      []float64  `json:"rms"` // of the map, by column
	Bands    []demoBand `json:"bands"`
	Sum      []float64  `json:"sum_rms"`              // of the bands' sum, by column
	Error    float64    `json:"reconstruction_error"` // see reconstruct
	Seconds  float64    `json:"seconds"`              // of the network alone, the median of nine runs
}

// demoBand tells about one band.
type demoBand struct {
	Name string    `json:"name"`
	RMS  []float64 `json:"rms"`
	File string    `json:"file,omitempty"`
}

func (t *tool) demoCommand() *cobra.Command {
	var out, data string
	var width, skies int
	var e engineFlags
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Take a real WMAP map through a network, and train one",
		Long: `demo makes a multiresolution network, writes it as an .onnx file, reads it back and runs it over the W-band map of WMAP's
seven years, I, Q and U at nside 32. The network splits a map into bands of angular scales that add up to it again; demo
checks that they do, to 1e-6, and that RING and NESTED input give the same. It also runs the map with the Galaxy masked.

Then it trains a small network on simulated skies seen through the same mask, to find the multipole at which their spectrum
peaks, exports it, compares it with the exact likelihood and runs the exported file on the WMAP map.

The folder then holds the networks, the bands as FITS files that healpy opens, and pictures of them and of the loss. Files of an earlier demo
are replaced.`,
		Example: `  astronnx demo --out demo
  astronnx demo --out demo --data /usr/share/healpy/test/data
  astronnx demo --out demo --provider cuda --json`,
		Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error { return t.demo(cmd.Context(), out, data, width, skies, e) },
	}
	cmd.Flags().StringVar(&out, "out", "demo", "folder for the files")
	cmd.Flags().StringVar(&data, "data", "", "folder of Debian's healpy-data (default: in the cache, or where it is installed)")
	cmd.Flags().IntVar(&width, "width", 800, "width of the pictures")
	cmd.Flags().IntVar(&skies, "skies", 4096, "simulated skies to train on; 0: no training")
	e.add(cmd)
	return cmd
}

// demonstration is a demo under way.
type demonstration struct {
	files   stage
	folder  string
	width   int
	net     *network
	outputs []*graph.Value
	report  demoReport
}

func (t *tool) demo(ctx context.Context, folder, data string, width, skies int, e engineFlags) error {
	cfg, err := e.config()
	if err != nil {
		return err
	}
	if err := checkWidth(width); err != nil {
		return err
	}
	dir, err := findData(data)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(folder, 0o777); err != nil {
		return errs.New(errs.Output, "%w", err)
	}
	d := &demonstration{folder: folder, width: width, files: stage{overwrite: true}}
	defer d.files.discard()
	full, err := readWMAP(filepath.Join(dir, wmapFile))
	if err != nil {
		return err
	}
	nested, err := full.Reorder(healpix.Nested)
	if err != nil {
		return err
	}
	masked, err := readWMAP(filepath.Join(dir, wmapMaskedFile))
	if err != nil {
		return err
	}

	bar := t.progress(5)
	defer bar.done()
	bar.step("making the network")
	if err := d.makeNetwork(full.Nside); err != nil {
		return err
	}
	if err := d.net.open(cfg, 0); err != nil {
		return err
	}
	defer d.net.close()
	d.report.Engine = engineOf(d.net.model.Report())
	d.report.Unit = full.Columns[0].Unit
	for _, c := range full.Columns {
		d.report.Columns = append(d.report.Columns, c.Name)
	}

	var bands [3][]*sky.Map
	for i, m := range []*sky.Map{full, nested, masked} {
		name := [...]string{wmapFile, "the same, reordered", wmapMaskedFile}[i]
		bar.step("running over " + name)
		if bands[i], err = d.split(ctx, name, m); err != nil {
			return err
		}
	}
	if d.report.Difference, err = difference(bands[0], bands[1]); err != nil {
		return err
	}
	if err := d.judge(); err != nil {
		return err
	}
	bar.step("drawing")
	if err := d.draw(ctx, "", full, bands[0], 0, len(full.Columns)); err != nil {
		return err
	}
	if err := d.draw(ctx, "masked_", masked, bands[2], 2, 1); err != nil {
		return err
	}
	bar.done()
	if skies > 0 {
		watch := t.watch()
		defer watch.done()
		if err := d.train(ctx, cfg, masked, skies, watch); err != nil {
			return err
		}
		watch.done()
	}
	d.report.Files = d.files.paths()
	if err := d.files.commit(); err != nil {
		return err
	}
	return t.show(d.report, d.report.write)
}

// readWMAP reads one of the maps; their headers leave out the unit and the coordinates.
func readWMAP(path string) (*sky.Map, error) {
	m, err := readMap(path, sky.ReadOptions{})
	if err != nil {
		return nil, err
	}
	for i := range m.Columns {
		if m.Columns[i].Unit == "" {
			m.Columns[i].Unit = "mK"
		}
	}
	if m.Coord == "" {
		m.Coord = "G"
	}
	return m, nil
}

// makeNetwork writes the network and reads it back from its file.
func (d *demonstration) makeNetwork(nside int) error {
	m, err := models.Multiresolution(models.MultiresolutionConfig{
		Nside: nside, Levels: 4, Order: "NESTED", Unit: "mK", Coordsys: "G",
	})
	if err != nil {
		return err
	}
	d.report.Network = filepath.Join(d.folder, "multiresolution.onnx")
	tmp, err := d.files.add(d.report.Network)
	if err != nil {
		return err
	}
	if err := sky.WriteFile(tmp, func(w io.Writer) error { return onnxio.Write(w, m) }); err != nil {
		return err
	}
	if d.net, err = readNetwork(tmp); err != nil {
		return err
	}
	d.outputs = d.net.graph.Graph.Outputs
	d.report.Parameters = parameters(d.net.graph)
	return nil
}

// split runs the network over a map and returns its bands in the map's own form.
func (d *demonstration) split(ctx context.Context, name string, m *sky.Map) ([]*sky.Map, error) {
	how := fitting{unseen: "auto"}
	if !d.net.need.masked {
		how.unseen = "zero"
	}
	f, err := fit(m, d.net.need, how)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	// One run of a millisecond says little about its time: the median of some does.
	var results []*graph.Tensor
	times := make([]time.Duration, 9)
	for i := range times {
		if results, times[i], err = d.net.execute(ctx, f, d.outputs); err != nil {
			return nil, err
		}
	}
	slices.Sort(times)
	took := times[len(times)/2]
	r := demoMap{
		Map: name, Ordering: orderName(m.Order), Nside: m.Nside, Pixels: m.Len(), Masked: f.masked, Seconds: took.Seconds(),
	}
	var bands []*sky.Map
	for k, t := range results {
		nside, ok := isMap(t)
		if !ok || nside != m.Nside {
			return nil, errs.New(errs.Engine, "output %s has shape %v: expected a map of nside %d", d.outputs[k].Name, t.Shape,
				m.Nside)
		}
		b, err := f.back(t, nside, d.net.gives[d.outputs[k].Name])
		if err != nil {
			return nil, err
		}
		bands = append(bands, b)
		r.Bands = append(r.Bands, demoBand{Name: d.outputs[k].Name, RMS: rms(b)})
	}
	sum, worst := reconstruct(m, bands)
	r.RMS, r.Sum, r.Error = rms(m), rms(sum), worst
	d.report.Maps = append(d.report.Maps, r)
	return bands, nil
}

// rms returns the root mean square of each column over the pixels that have data.
func rms(m *sky.Map) []float64 {
	out := make([]float64, len(m.Columns))
	for i, c := range m.Columns {
		sum, n := 0.0, 0
		for _, v := range c.Float64() {
			if isData(v) {
				sum += v * v
				n++
			}
		}
		if n > 0 {
			out[i] = math.Sqrt(sum / float64(n))
		}
	}
	return out
}

// reconstruct adds up bands in float32, as anybody would, and returns the sum with its largest relative error: the distance to the
// map over the map's absolute value, or over the column's RMS where the value is smaller than that.
func reconstruct(m *sky.Map, bands []*sky.Map) (sum *sky.Map, worst float64) {
	out := *m
	out.Columns = slices.Clone(m.Columns)
	floor := rms(m)
	for i := range m.Columns {
		want := m.Columns[i].Float64()
		got := make([]float32, len(want))
		for _, b := range bands {
			for p, v := range b.Columns[i].Float64() {
				got[p] += float32(v)
			}
		}
		for p, v := range want {
			if !isData(v) {
				got[p] = healpix.Unseen
				continue
			}
			worst = max(worst, math.Abs(float64(got[p])-v)/max(math.Abs(v), floor[i])) // NaN wins
		}
		out.Columns[i].Data = graph.FromSlice(got, int64(len(got)))
	}
	return &out, worst
}

// difference returns the largest absolute difference between maps and their counterparts in another order.
func difference(a, b []*sky.Map) (float64, error) {
	worst := 0.0
	for k := range a {
		same, err := b[k].Reorder(a[k].Order)
		if err != nil {
			return 0, err
		}
		for i, c := range a[k].Columns {
			other := same.Columns[i].Float64()
			for p, v := range c.Float64() {
				worst = max(worst, math.Abs(v-other[p]))
			}
		}
	}
	return worst, nil
}

// judge returns an error where the bands are not what they should be.
func (d *demonstration) judge() error {
	for _, m := range d.report.Maps {
		if !(m.Error <= tolerance) {
			return errs.New(errs.Engine, "%s: the bands add up to the map with an error of %.2g, expected %.0e or less", m.Map,
				m.Error, tolerance)
		}
	}
	if d.report.Difference != 0 {
		return errs.New(errs.Engine, "RING and NESTED input give bands that differ by %.2g", d.report.Difference)
	}
	return nil
}

// draw writes the bands of run number run and their sum, and pictures of the first columns of the map and its bands.
func (d *demonstration) draw(ctx context.Context, prefix string, m *sky.Map, bands []*sky.Map, run, columns int) error {
	sum, _ := reconstruct(m, bands)
	type piece struct {
		name    string
		m       *sky.Map
		palette plot.Palette
	}
	pieces := []piece{{prefix + "map", m, plot.Ember}}
	for k, b := range bands {
		name := prefix + fileName(d.outputs[k].Name)
		d.report.Maps[run].Bands[k].File = filepath.Join(d.folder, name+".fits")
		pieces = append(pieces, piece{name, b, plot.BlueRed})
	}
	pieces = append(pieces, piece{name: prefix + "sum", m: sum})
	for i, p := range pieces {
		if i > 0 { // the map has its file already
			tmp, err := d.files.add(filepath.Join(d.folder, p.name+".fits"))
			if err != nil {
				return err
			}
			if err := sky.WriteMap(tmp, p.m); err != nil {
				return err
			}
		}
		if i == len(pieces)-1 { // the sum looks like the map
			break
		}
		for c := range columns {
			if err := ctx.Err(); err != nil {
				return err
			}
			col := &p.m.Columns[c]
			tmp, err := d.files.add(filepath.Join(d.folder, p.name+"_"+col.Name[:1]+".png"))
			if err != nil {
				return err
			}
			title := "WMAP W band, " + col.Name[:1]
			if i > 0 {
				title += ": " + strings.ReplaceAll(d.outputs[i-1].Name, "_", " ")
			}
			o := plot.Options{Title: title, Palette: p.palette, Width: d.width}
			if _, err := drawColumn(tmp, p.m, col, o); err != nil {
				return err
			}
		}
	}
	return nil
}

func (r demoReport) write(w io.Writer) error {
	var b strings.Builder
	first := r.Maps[0]
	fmt.Fprintf(&b, "WMAP seven-year W band, %s at nside %d, split into %d bands by a network of %s parameters\n\n",
		strings.Join(letters(r.Columns), " "), first.Nside, len(first.Bands), thousands(r.Parameters))

	bands := table{head: []string{"RMS, µK"}}
	for _, m := range []demoMap{r.Maps[0], r.Maps[2]} {
		for _, c := range letters(r.Columns) {
			if m.Masked > 0 {
				c += " masked"
			}
			bands.head = append(bands.head, ">"+c)
		}
	}
	line := func(name string, a, b []float64) {
		cells := []string{name}
		for _, x := range slices.Concat(a, b) {
			cells = append(cells, fmt.Sprintf("%.2f", 1000*x))
		}
		bands.add(cells...)
	}
	for k, band := range first.Bands {
		line(band.Name, band.RMS, r.Maps[2].Bands[k].RMS)
	}
	bands.rule()
	line("sum of the bands", first.Sum, r.Maps[2].Sum)
	line("the map", first.RMS, r.Maps[2].RMS)
	if err := bands.write(&b); err != nil {
		return err
	}

	runs := table{head: []string{"map", "order", ">pixels", ">masked", ">reconstruction error", ">time"}}
	labels := []string{"W band", "W band, reordered", "W band, Galaxy masked"}
	for i, m := range r.Maps {
		runs.add(labels[i], m.Ordering, thousands(m.Pixels), thousands(m.Masked), fmt.Sprintf("%.1e", m.Error),
			timeText(time.Duration(m.Seconds*float64(time.Second))))
	}
	b.WriteByte('\n')
	if err := runs.write(&b); err != nil {
		return err
	}
	b.WriteString("\n  RING and NESTED input give the same bands, to the bit.\n")
	fmt.Fprintf(&b, "  Run by %s.\n", r.Engine.line())
	for _, line := range r.Engine.kernels() {
		fmt.Fprintf(&b, "  %s.\n", line)
	}
	for _, note := range r.Engine.remarks() {
		fmt.Fprintf(&b, "  Note: %s.\n", note)
	}
	if r.Training != nil {
		if err := r.Training.write(&b); err != nil {
			return err
		}
	}
	fmt.Fprintf(&b, "\n  Wrote %d files into %s: networks, the bands as FITS, and pictures.\n", len(r.Files), filepath.Dir(r.Network))
	_, err := io.WriteString(w, b.String())
	return err
}

// letters shortens names of Stokes parameters to I, Q, U.
func letters(names []string) []string {
	out := make([]string, len(names))
	for i, n := range names {
		out[i] = n[:min(1, len(n))]
	}
	return out
}
