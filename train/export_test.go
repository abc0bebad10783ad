package train

import "github.com/astronnx/astronnx/graph"

// Points are the points of a search.
var Points = points

// Mask is the mask of dropout i as the last run used it.
func (t *Trainer) Mask(i int) *graph.Tensor { return t.masks[i] }
