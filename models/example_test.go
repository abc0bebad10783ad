package models_test

import (
	"fmt"

	"github.com/astronnx/astronnx/models"
)

func ExampleMultiresolution() {
	m, err := models.Multiresolution(models.MultiresolutionConfig{Nside: 64, Levels: 2, Unit: "mK"})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, v := range m.Graph.Outputs {
		fmt.Println(v.Name, v.Type, m.Metadata["astronnx."+v.Name+".unit"])
	}
	// Output:
	// band_0 float32[N,C,49152] mK
	// band_1 float32[N,C,49152] mK
	// residual float32[N,C,49152] mK
}
