package train

// Points are the points of a search.
var Points = points
