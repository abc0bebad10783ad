package recipes

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/astronnx/astronnx/dataset"
	"github.com/astronnx/astronnx/export"
	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/healpix"
	"github.com/astronnx/astronnx/internal/errs"
	"github.com/astronnx/astronnx/models"
	"github.com/astronnx/astronnx/runtime"
	"github.com/astronnx/astronnx/sims"
	"github.com/astronnx/astronnx/sky"
	"github.com/astronnx/astronnx/train"
)

// trained is a network that has come to its end.
type trained struct {
	Seed     uint64  `json:"seed"`
	File     string  `json:"file"`
	Epochs   int     `json:"epochs"` // to the best
	Loss     float64 `json:"loss"`   // on the validation skies
	Steps    int64   `json:"steps"`
	Seconds  float64 `json:"seconds"`
	Measured int     `json:"measured"`         // unseen skies
	Took     float64 `json:"measured_seconds"` // of the file's runs over them
	// Widths of the pulls on the validation skies, by parameter: the file's sigmas are so many times what the network learned to say.
	Widths   []float64     `json:"pull_widths"`
	History  []train.Epoch `json:"-"`
	readings []readings
}

// validation is how many skies judge the epochs.
func validation(o Options) int { return min(2000, max(o.Batch, o.Skies/10)) }

// train trains the network of a seed, or goes on with it, writes its file, and measures the lots by that file.
func (s *scene) train(ctx context.Context, o Options, number int, lots []*lot) (*trained, error) {
	seed := uint64(number)
	dir := filepath.Join(o.Folder, slug(s.name), fmt.Sprintf("seed-%d", seed))
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return nil, errs.New(errs.Output, "%w", err)
	}
	training, err := s.skies(o.Skies, trainingSeeds+seed)
	if err != nil {
		return nil, err
	}
	judging, err := s.skies(validation(o), validationSeeds+seed)
	if err != nil {
		return nil, err
	}
	rms, err := s.rms(ctx, training)
	if err != nil {
		return nil, err
	}
	ds, augment, err := s.augmented(training, rms)
	if err != nil {
		return nil, err
	}
	unseen, err := s.samples(judging, rms)
	if err != nil {
		return nil, err
	}
	if ds, err = kept(ctx, ds, o.Parallel); err != nil {
		return nil, err
	}
	if unseen, err = kept(ctx, unseen, o.Parallel); err != nil {
		return nil, err
	}
	net, err := s.network(o, seed)
	if err != nil {
		return nil, err
	}
	steps := int64(o.Epochs) * int64((o.Skies+o.Batch-1)/o.Batch)
	options := train.Options{
		Epochs: o.Epochs, Batch: o.Batch, Schedule: train.WarmUp(steps/20, 0.05, train.Cosine(o.Epochs, o.Rate/500)), Seed: seed, Checkpoint: dir, Augment: augment,
		Validation: unseen, Engine: o.Engine,
	}
	if o.Progress != nil {
		options.Progress = func(p train.Progress) { o.Progress(number, p) }
	}
	// Where errors are small beside the prior, as of the peak without noise, Moments hardly sees sigma.
	fit := train.New(net, train.LogMoments(), train.Adam(o.Rate))
	report, err := fit.Run(ctx, ds, options)
	if err != nil {
		return nil, err
	}
	t := &trained{Seed: seed, File: filepath.Join(dir, "network.onnx"), Epochs: report.BestEpoch + 1, Loss: report.BestLoss, Steps: report.Steps,
		Seconds: report.Elapsed.Seconds(), History: report.History}
	if err := s.calibrated(ctx, t, fit.Best(), o, judging, rms); err != nil {
		return nil, err
	}
	return t, s.measure(ctx, t, o, lots)
}

// calibrated exports the network with errors as large as those it makes on the validation skies: on those that it has trained on it makes
// smaller ones, and learns these.
func (s *scene) calibrated(ctx context.Context, t *trained, net *graph.Model, o Options, validation *sims.Sky, rms float64) error {
	if err := s.export(t, net, o, rms); err != nil {
		return err
	}
	l, err := s.read(ctx, validation, validation.Len())
	if err != nil {
		return err
	}
	r, _, err := readingsOf(ctx, t.File, o.Engine, l)
	if err != nil {
		return err
	}
	t.Widths = widths(l.truth, r)
	return s.export(t, net, o, rms)
}

// widths are the root mean squares of the pulls of each parameter.
func widths(truth [][]float64, r readings) []float64 {
	list := make([]float64, len(truth[0]))
	for k := range list {
		for i := range truth {
			pull := (r.Mean[i][k] - truth[i][k]) / r.Sigma[i][k]
			list[k] += pull * pull / float64(len(truth))
		}
		list[k] = math.Sqrt(list[k])
	}
	return list
}

// kept reads samples into memory, where each epoch finds them again, unless they are too large for that beside those of others.
func kept(ctx context.Context, ds dataset.Dataset, trainings int) (dataset.Dataset, error) {
	most := int64(4<<30) / int64(trainings)
	size := int64(0)
	for _, f := range ds.Fields() {
		size += int64(len(graph.NewTensor(f.DType, f.Shape...).Raw)) * int64(ds.Len())
	}
	if size > most {
		return ds, nil
	}
	return dataset.Load(ctx, ds)
}

// network is that of the papers, with the errors of what it measures.
func (s *scene) network(o Options, seed uint64) (*graph.Model, error) {
	c := models.NNHealpixConfig{
		Nside: s.nside, Maps: len(s.channels) * s.stokes.Fields(), Pool: "avg", Outputs: len(s.params), Errors: true, Dropout: o.Dropout,
		Unit: s.unit, Seed: seed, Spin: s.carried,
	}
	if o.Quick {
		c.Filters, c.Hidden = 8, 16
	}
	return models.NNHealpix(c)
}

// columns are the names of the maps.
func (s *scene) columns() []string {
	var list []string
	for c := range s.channels {
		for _, field := range s.stokes.String() {
			name := string(field)
			if len(s.channels) > 1 {
				name += "_" + strconv.Itoa(c+1)
			}
			list = append(list, name)
		}
	}
	return list
}

func (s *scene) export(t *trained, net *graph.Model, o Options, rms float64) error {
	unseen, zero := float64(healpix.Unseen), 0.0
	middle, spread := s.middle()
	sigma := slices.Clone(spread)
	for k, width := range t.Widths {
		sigma[k] *= width
	}
	var parameters, sigmas []export.Parameter
	for _, p := range s.params {
		parameters = append(parameters, export.Parameter{Name: p.Name, Prior: &[2]float64{p.Low, p.High}})
		sigmas = append(sigmas, export.Parameter{Name: "sigma_" + p.Name})
	}
	metadata := map[string]string{"astronnx.map." + RMSKey: strconv.FormatFloat(rms, 'g', 6, 64)}
	if s.sky.Mask != nil {
		metadata["astronnx.map."+MaskKey] = EncodeMask(s.sky.Mask)
	}
	_, err := export.Write(t.File, net, export.Options{
		Inputs: map[string]export.Input{"map": {Map: runtime.MapInfo{Columns: s.columns(), Unseen: &unseen}, Scale: []float64{rms}, Fill: &zero}},
		Outputs: map[string]export.Output{
			"mean":  {Scale: spread, Offset: middle, Parameters: parameters},
			"sigma": {Scale: sigma, Parameters: sigmas},
		},
		Training: &export.Training{
			Data: fmt.Sprintf("simulated skies, recipe %s, %s", s.Recipe.Name, s.name), Samples: int64(o.Skies), Epochs: t.Epochs,
			Loss: train.LogMoments().Name, Value: t.Loss, Seed: t.Seed,
		},
		Metadata: metadata, Engine: o.Engine,
	})
	return err
}

// measured is how many skies the file takes at a time.
const measured = 50

// measure measures the lots by the network's file.
func (s *scene) measure(ctx context.Context, t *trained, o Options, lots []*lot) error {
	for _, l := range lots {
		r, seconds, err := readingsOf(ctx, t.File, o.Engine, l)
		if err != nil {
			return err
		}
		t.Took += seconds
		t.Measured += l.n
		t.readings = append(t.readings, r)
	}
	return nil
}

// readingsOf runs a file over a lot, in so many seconds.
func readingsOf(ctx context.Context, file string, engine runtime.Config, l *lot) (r readings, seconds float64, err error) {
	model, err := runtime.Load(file, engine)
	if err != nil {
		return r, 0, err
	}
	defer model.Close()
	begun := clock()
	size := len(l.maps.Raw) / l.n
	for from := 0; from < l.n; from += measured {
		n := min(measured, l.n-from)
		part := graph.NewTensor(graph.Float32, append([]int64{int64(n)}, l.maps.Shape[1:]...)...)
		copy(part.Raw, l.maps.Raw[from*size:])
		out, err := model.Run(ctx, runtime.Inputs{"map": part})
		if err != nil {
			return r, 0, err
		}
		r.Mean = append(r.Mean, rows(out["mean"])...)
		r.Sigma = append(r.Sigma, rows(out["sigma"])...)
	}
	return r, clock() - begun, nil
}

// rows are those of a matrix of float32.
func rows(t *graph.Tensor) [][]float64 {
	list := make([][]float64, t.Shape[0])
	k := int(t.Shape[1])
	for i := range list {
		for _, v := range graph.Data[float32](t)[i*k : (i+1)*k] {
			list[i] = append(list[i], float64(v))
		}
	}
	return list
}

// slug is a name of a case as one of files.
func slug(name string) string { return strings.NewReplacer(", ", "_", " ", "-").Replace(name) }

// judged is what a likelihood's file keeps, so that a run that goes on does not take it again.
type judged struct {
	Key      string     `json:"key"` // of what was measured
	Name     string     `json:"name"`
	Readings []readings `json:"readings"`
	Seconds  float64    `json:"seconds"`
}

// exact takes the likelihood of the lots, or what is left of it by a run before.
func (s *scene) exact(ctx context.Context, o Options, lots []*lot) (judged, error) {
	file := filepath.Join(o.Folder, slug(s.seen()), "likelihood.json")
	key := fmt.Sprintf("%s, %s, nside %d, %d skies", s.Recipe.Name, s.seen(), s.nside, o.Test)
	if text, err := os.ReadFile(file); err == nil {
		var j judged
		if json.Unmarshal(text, &j) == nil && j.Key == key && len(j.Readings) == len(lots) {
			return j, nil
		}
	} else if !errors.Is(err, fs.ErrNotExist) {
		return judged{}, errs.New(errs.Output, "%w", err)
	}
	begun := clock()
	name, r, err := s.likelihood(ctx, s, lots)
	if err != nil {
		return judged{}, err
	}
	j := judged{key, name, r, clock() - begun}
	if err := os.MkdirAll(filepath.Dir(file), 0o777); err != nil {
		return judged{}, errs.New(errs.Output, "%w", err)
	}
	return j, sky.WriteFile(file, func(w io.Writer) error { return json.NewEncoder(w).Encode(j) })
}

// speed is how many skies a second are simulated.
func (s *scene) speed(ctx context.Context) (float64, error) {
	const n = 256
	c, err := s.skies(n, testSeed)
	if err != nil {
		return 0, err
	}
	begun := clock()
	_, err = s.read(ctx, c, n)
	return n / (clock() - begun), err
}
