package recipes_test

import (
	"fmt"

	"github.com/astronnx/astronnx/recipes"
)

func ExampleAll() {
	for _, r := range recipes.All() {
		fmt.Printf("%s: %s\n", r.Name, r.Doc)
	}
	// Output:
	// peak: the multipole at which a spectrum peaks, from T
	// peak-eb: the multipoles at which the spectra of E and B peak, from Q and U
	// tau: the optical depth of reionisation, from Q and U
	// tau-planck: the optical depth from Q and U of two channels like Planck's, on a part of the sky
}
