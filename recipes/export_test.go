package recipes

import "context"

// Baselines are the rows of a case at nside 16 that no network has a part in.
func Baselines(ctx context.Context, r *Recipe, o Options) (*Case, error) {
	o, err := o.defaults(r)
	if err != nil {
		return nil, err
	}
	o.Quick = false
	scenes, err := r.scenes(o)
	if err != nil {
		return nil, err
	}
	s := scenes[0]
	lots, err := s.lots(ctx, o)
	if err != nil {
		return nil, err
	}
	j, err := s.exact(ctx, o, lots)
	if err != nil {
		return nil, err
	}
	return &Case{Constant: s.score(lots[0].truth, s.constant(lots[0].n)), Exact: s.score(lots[0].truth, j.Readings[0]), Points: pointsOf(lots, j.Readings)}, nil
}
