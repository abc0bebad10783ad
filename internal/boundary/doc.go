// Package boundary holds the order of the module's packages: imports point down, C has three doors, and a foreign library that only
// one package may know is known to that package. Its test reads the whole module and says which file crosses a line.
package boundary
