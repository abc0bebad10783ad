package sims

import (
	"encoding/binary"
	"math/rand/v2"
)

// stream names a part of a simulation that has random numbers of its own.
type stream uint64

const (
	drawParams stream = iota
	drawAlm
	drawMask
	drawChannel // and those after it: two a channel, noise and template
)

// random returns the numbers of a part of simulation index. ChaCha8 is keyed by all of seed, index and part, so that streams
// have nothing to do with each other.
func random(seed uint64, index int, part stream) *rand.Rand {
	var key [32]byte
	binary.LittleEndian.PutUint64(key[0:], seed)
	binary.LittleEndian.PutUint64(key[8:], uint64(index))
	binary.LittleEndian.PutUint64(key[16:], uint64(part))
	return rand.New(rand.NewChaCha8(key))
}
