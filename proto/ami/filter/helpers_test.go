package filter_test

import "flag"

var seedFlag = flag.Uint64("seed", 0, "the seed of the random tests; 0: a new one")
