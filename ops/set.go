package ops

import (
	"cmp"
	"fmt"
	"iter"
	"maps"
	"slices"
)

type opName struct{ domain, name string }

// Set is a group of operators with all their versions. A package fills its own in package-level declarations; from then on sets
// do not change and may be shared by goroutines.
type Set struct {
	domain string
	ops    map[opName][]*Op // versions, newest first
}

// NewSet returns an empty set whose operators belong to domain.
func NewSet(domain string) *Set { return &Set{domain, map[opName][]*Op{}} }

// Define adds an operator in the set's domain and returns it. It panics if the version is there already: a mistake of the program.
func (s *Set) Define(op Op) *Op {
	op.Domain = s.domain
	key := opName{op.Domain, op.Name}
	at, found := slices.BinarySearchFunc(s.ops[key], op.Since, func(o *Op, since int64) int { return cmp.Compare(since, o.Since) })
	if found {
		panic(fmt.Sprintf("ops: %s of opset %d is defined twice", op.FullName(), op.Since))
	}
	s.ops[key] = slices.Insert(s.ops[key], at, &op)
	return &op
}

// Find returns the newest version of an operator not above opset, or nil.
func (s *Set) Find(domain, name string, opset int64) *Op {
	for _, op := range s.ops[opName{domain, name}] {
		if op.Since <= opset {
			return op
		}
	}
	return nil
}

// Newest returns the newest version of an operator, or nil.
func (s *Set) Newest(domain, name string) *Op {
	if v := s.ops[opName{domain, name}]; len(v) > 0 {
		return v[0]
	}
	return nil
}

// NewestOpset is the opset of the standard domain that the operators follow: ONNX 1.22.
const NewestOpset = 27

// LastOpset returns the last opset of its domain in which op is the version that holds.
func (s *Set) LastOpset(op *Op) int64 {
	last := int64(1)
	if op.Domain == "" {
		last = NewestOpset
	}
	for _, o := range s.ops[opName{op.Domain, op.Name}] { // newest first
		if o.Since <= op.Since {
			break
		}
		last = o.Since - 1
	}
	return max(last, op.Since)
}

// With returns a new set of both; an operator of t replaces all versions of one of s.
func (s *Set) With(t *Set) *Set {
	u := &Set{s.domain, maps.Clone(s.ops)}
	maps.Copy(u.ops, t.ops)
	return u
}

// All yields every version, in order of domain, name and opset.
func (s *Set) All() iter.Seq[*Op] {
	keys := slices.SortedFunc(maps.Keys(s.ops), func(a, b opName) int {
		return cmp.Or(cmp.Compare(a.domain, b.domain), cmp.Compare(a.name, b.name))
	})
	return func(yield func(*Op) bool) {
		for _, k := range keys {
			for _, op := range slices.Backward(s.ops[k]) {
				if !yield(op) {
					return
				}
			}
		}
	}
}

// standard is filled by one file per operator.
var standard = NewSet("")

func define(op Op) *Op { return standard.Define(op) }

// preview is the standard's domain of operators that may still change.
var preview = NewSet("ai.onnx.preview")

// Standard returns the operators of the standard domain and of its smaller ones: preview, classical machine learning and training.
func Standard() *Set { return standard.With(preview).With(classic).With(training) }
