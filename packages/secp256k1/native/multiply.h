/* Multi-scalar multiplication of public data: the sum of scalar*point over many terms, in variable time.
 *
 * Few terms go through upstream's interleaved wNAF, many through the Pippenger of batch.h, where the endomorphism makes
 * two terms of 128 bits out of each. A sum may come in parts, so that the memory stays bounded.
 */
#ifndef BE_MULTIPLY_H
#define BE_MULTIPLY_H

/* As the caller packs a term. */
typedef struct {
    uint8_t scalar[32];
    uint8_t length; /* of the point: 33 or 65 */
    uint8_t point[65];
} multiply_term;

typedef struct S(strauss_point_state) strauss_point;

#define FEW 28u /* up to this many terms a table for each point costs less than buckets do */
#define TABLE ((size_t)ECMULT_TABLE_SIZE(WINDOW_A))

/* Bytes of working memory that `multiply_add` needs for n terms. */
static size_t multiply_memory_for(uint32_t n) {
    if (n <= FEW)
        return round_up(n * sizeof(gej)) + round_up(n * sizeof(scalar)) + round_up(n * TABLE * sizeof(fe)) +
               round_up(n * TABLE * sizeof(ge)) + round_up(n * sizeof(strauss_point)) + 64;
    return round_up(2 * (size_t)n * sizeof(term)) + msm_memory(2 * (size_t)n) + 64;
}

static int read_term(const multiply_term *in, scalar *factor, ge *point) {
    int overflow;
    S(scalar_set_b32)(factor, in->scalar, &overflow);
    return !overflow && S(eckey_pubkey_parse)(point, in->point, in->length);
}

/* Adds n terms to `sum`; 0 when one of them has a scalar beyond the order, or no point. */
static int multiply_add(gej *sum, const multiply_term *in, uint32_t n, uint8_t *free) {
    gej part;
    scalar factor;
    ge point;
    uint32_t i;
    if (n <= FEW) {
        gej *points = take(&free, n * sizeof(gej));
        scalar *factors = take(&free, n * sizeof(scalar));
        struct S(strauss_state) state;
        state.aux = take(&free, n * TABLE * sizeof(fe));
        state.pre_a = take(&free, n * TABLE * sizeof(ge));
        state.ps = take(&free, n * sizeof(strauss_point));
        for (i = 0; i < n; i++) {
            if (!read_term(&in[i], &factors[i], &point)) return 0;
            S(gej_set_ge)(&points[i], &point);
        }
        S(ecmult_strauss_wnaf)(&state, &part, n, points, factors, NULL);
    } else {
        term *terms = take(&free, 2 * (size_t)n * sizeof(term));
        size_t count = 0;
        for (i = 0; i < n; i++) {
            if (!read_term(&in[i], &factor, &point)) return 0;
            S(fe_normalize_weak)(&point.y);
            count = add_term(terms, count, &point, &factor, 0);
        }
        msm(&part, terms, count, free);
    }
    S(gej_add_var)(sum, sum, &part, NULL);
    return 1;
}

#endif
