package recipes

import (
	"fmt"
	"io"
	"strings"

	"github.com/astronnx/astronnx/sky"
	"github.com/astronnx/astronnx/train"
)

// write writes the report as Markdown, whole or not at all.
func (r *Report) write() error {
	var b strings.Builder
	fmt.Fprintf(&b, "# %s\n\n", r.Recipe)
	if r.Quick {
		b.WriteString("A short form: it shows that all of it works. Its numbers mean nothing.\n\n")
	}
	fmt.Fprintf(&b, "Skies: %s.\n\n", r.Setup)
	fmt.Fprintf(&b, "Networks at nside %d, of %d simulated skies each, %d epochs in batches of %d, each sky turned and seen under another noise in\n"+
		"every epoch; loss %s, Adam at a rate of %g after its rise, dropout %g; weights of the epoch with the smallest loss on skies\n"+
		"apart, and errors as large as the network's on these. All estimators measure the same %d skies, which no training has seen;\n"+
		"the networks do so by the files that were exported. Parameters are drawn uniformly: %s. The likelihoods look from %g to %g.\n\n", r.Nside, r.Skies, r.Epochs, r.Batch,
		train.LogMoments().Name, r.Rate, r.Dropout, r.Test, strings.Join(r.Prior, ", "), r.Search[0], r.Search[1])
	b.WriteString("Errors are |estimate − truth|/truth in per cent. Bias is the mean error over the standard deviation of the errors; slope is that of\n" +
		"the estimate against the truth in the middle three fifths of the prior; pull is the standard deviation of (estimate − truth)/sigma.\n")
	fmt.Fprintf(&b, "\nSeeds: those of the networks' weights and of the order of skies are named; the skies' are %d + that to train, %d + that to choose the\n"+
		"epoch, %d and those after it to judge.\n", int64(trainingSeeds), int64(validationSeeds), int64(testSeed))
	for i := range r.Cases {
		r.Cases[i].write(&b)
	}
	whole := 0.0
	for _, c := range r.Cases {
		whole += c.ExactTook
		for _, n := range c.Networks {
			whole += n.Seconds
		}
	}
	fmt.Fprintf(&b, "\nTrainings and likelihoods took %s on %s, in all sessions; the last session took %s. Made by\n\n    %s\n",
		minutes(whole), counted(r.Cores), minutes(r.Seconds), r.Command)
	return sky.WriteFile(r.File, func(w io.Writer) error {
		_, err := io.WriteString(w, b.String())
		return err
	})
}

func minutes(seconds float64) string {
	if seconds < 120 {
		return fmt.Sprintf("%.0f s", seconds)
	}
	return fmt.Sprintf("%.1f min", seconds/60)
}

func (c *Case) write(b *strings.Builder) {
	fmt.Fprintf(b, "\n## %s\n\n| estimator | mean %% | median %% | RMS %% | bias | slope | pull |\n|---|--:|--:|--:|--:|--:|--:|\n", c.Name)
	for _, row := range c.Rows() {
		fmt.Fprintf(b, "| %s |\n", strings.Join(row, " | "))
	}
	fmt.Fprintf(b, "\n%s\n", c.Verdict())
	if c.Exact.Untold > 0 {
		fmt.Fprintf(b, "\nThe likelihood is largest at an end of its range for %d readings, which have no sigma and no pull.\n", c.Exact.Untold)
	}
	if len(c.Points) > 0 {
		c.writePoints(b)
	}
	b.WriteString("\n")
	for _, n := range c.Networks {
		fmt.Fprintf(b, "Seed %d: best epoch %d, %d steps in %s, %.0f steps/s; its file measures %.0f skies/s, with sigmas %s times those learned.\n", n.Seed,
			n.Epochs, n.Steps, minutes(n.Seconds), float64(n.Steps)/n.Seconds, float64(n.Measured)/n.Took, listed(n.Widths))
	}
	fmt.Fprintf(b, "Simulation alone: %.0f skies/s. Likelihood: %s.\n\n", c.Simulated, minutes(c.ExactTook))
	for _, p := range c.Pictures {
		fmt.Fprintf(b, "![%s](%s)\n", p[0], p[1])
	}
}

// Rows are the case's table: estimator, mean, median and RMS error in per cent, bias, slope and pull.
func (c *Case) Rows() [][]string {
	row := func(name string, s Score) []string {
		list := []string{name, fmt.Sprintf("%.2f", s.Mean), fmt.Sprintf("%.2f", s.Median), fmt.Sprintf("%.2f", s.RMS), fmt.Sprintf("%+.2f", s.Bias),
			strings.Replace(fmt.Sprintf("%.3f", s.Slope), "-0.000", "0.000", 1), "–"}
		if s.Pull > 0 {
			list[6] = fmt.Sprintf("%.2f", s.Pull)
		}
		return list
	}
	list := [][]string{row("constant", c.Constant)}
	var sum Score
	for _, n := range c.Networks {
		list = append(list, row(fmt.Sprintf("network, seed %d", n.Seed), n.Score))
		k := 1 / float64(len(c.Networks))
		sum.Mean, sum.Median, sum.RMS = sum.Mean+k*n.Score.Mean, sum.Median+k*n.Score.Median, sum.RMS+k*n.Score.RMS
		sum.Bias, sum.Slope, sum.Pull = sum.Bias+k*n.Score.Bias, sum.Slope+k*n.Score.Slope, sum.Pull+k*n.Score.Pull
	}
	if len(c.Networks) > 1 {
		list = append(list, row("networks, mean of seeds", sum))
	}
	list = append(list, row(c.ExactName, c.Exact))
	for i, name := range []string{"published network", "published likelihood"} {
		if v := c.Published[i]; v > 0 {
			list = append(list, []string{name, fmt.Sprintf("%.1f", v), "–", "–", "–", "–", "–"})
		}
	}
	return list
}

// Verdict says how far the networks are from the likelihood and from the published network, by the mean error over seeds.
func (c *Case) Verdict() string {
	mean := 0.0
	for _, n := range c.Networks {
		mean += n.Score.Mean / float64(len(c.Networks))
	}
	text := fmt.Sprintf("The network's mean error is %.2f %%, %.2f times that of the likelihood", mean, mean/c.Exact.Mean)
	switch p := c.Published[0]; {
	case p == 0:
		return text + "."
	case mean > p:
		return text + fmt.Sprintf("; it misses the published network's %.1f %% by %.2f.", p, mean-p)
	default:
		return text + fmt.Sprintf("; it reaches the published network's %.1f %%, by %.2f.", p, p-mean)
	}
}

func (c *Case) writePoints(b *strings.Builder) {
	b.WriteString("\n| truth | estimator | bias/spread | spread | mean sigma | pull | spread/likelihood's |\n|--:|---|--:|--:|--:|--:|--:|\n")
	for i, exact := range c.Points {
		row := func(name string, p Point) {
			fmt.Fprintf(b, "| %g | %s | %+.2f | %.5f | %.5f | %.2f | %.2f |\n", p.At, name, p.Bias/p.Spread, p.Spread, p.Sigma, p.Pull, p.Spread/exact.Spread)
		}
		for _, n := range c.Networks {
			row(fmt.Sprintf("network, seed %d", n.Seed), n.Points[i])
		}
		row(c.ExactName, exact)
	}
}

func listed(numbers []float64) string {
	var list []string
	for _, v := range numbers {
		list = append(list, fmt.Sprintf("%.2f", v))
	}
	return strings.Join(list, " and ")
}

func counted(cores int) string {
	if cores == 1 {
		return "one core"
	}
	return fmt.Sprintf("%d cores", cores)
}
