/* Upstream's test program with its tables, as one translation unit. */
#include "src/tests.c"
#include "src/precomputed_ecmult.c"
#include "src/precomputed_ecmult_gen.c"
