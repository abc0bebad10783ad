package sims

import (
	"math/rand/v2"

	"github.com/astronnx/astronnx/dataset"
	"github.com/astronnx/astronnx/graph"
)

// Apart returns the skies before anything is added to them, of as many channels, and what adds it: noise and templates that are
// drawn anew each time and not by index, then the mask, which is no channel of them. A training so sees each sky in every epoch
// under another noise, and may turn it in between.
func (s *Sky) Apart() (*Sky, dataset.Augment) {
	c := s.c
	c.Channels, c.Mask, c.WithMask = make([]Channel, len(c.Channels)), nil, false
	clean := &Sky{c: c, plan: s.plan, chans: len(c.Channels) * c.Stokes.Fields()}
	temperatures := 1
	if c.Stokes == QU {
		temperatures = 0
	}
	pixels := c.Stokes.Fields() * s.plan.Npix()
	return clean, func(rng *rand.Rand, sample []*graph.Tensor) error {
		x := graph.Data[float32](sample[0])
		m := make([]float64, pixels)
		for ch := range s.c.Channels {
			part := x[ch*pixels:][:pixels]
			for i, v := range part {
				m[i] = float64(v)
			}
			s.c.observe(m, ch, temperatures, rng, rng)
			narrow(part, m)
		}
		return nil
	}
}
