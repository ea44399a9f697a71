/* Batch verification of BIP340 signatures and Taproot tweaks by one multi-scalar multiplication.
 *
 * Every check is an equation of points: s*G - e*P - R = 0 for a signature, Q - P - t*G = 0 for a tweak. Each is
 * multiplied by a 127-bit randomiser that nobody can know before all checks of the batch are fixed (it is a hash of
 * them), and the sum is computed at once. Only public data comes here, so nothing needs to run in constant time.
 *
 * The multiplication is Pippenger's with affine buckets: points of a bucket are added in pairs, and all pairs of a
 * round share one field inversion (5 multiplications and a square an addition instead of 8 and 3).
 */
#ifndef BE_BATCH_H
#define BE_BATCH_H

typedef S(fe) fe;
typedef S(ge) ge;
typedef S(gej) gej;
typedef S(scalar) scalar;

/* As the caller packs it. */
typedef struct {
    uint8_t first[32];  /* r of a signature; the x coordinate of the output key of a tweak */
    uint8_t second[32]; /* s of a signature; the tweak */
    uint8_t key[32];    /* x coordinate of the public key; of the internal key */
    uint32_t kind;      /* 0 signature, 1 tweak */
    uint32_t parity;    /* of the output key */
    uint32_t message;   /* address */
    uint32_t length;
} batch_item;

typedef struct {
    ge point;      /* R, or the output key Q */
    scalar second; /* s, or the tweak */
    scalar e;      /* the challenge */
    scalar random;
    uint32_t kind;
    uint32_t key;
    uint32_t ok;
} prepared;

typedef struct {
    ge point;
    uint32_t size[5]; /* a magnitude below 2^128 and a zero word for reading past the end */
} term;

typedef struct {
    uint32_t a, b, out;
    uint32_t how;
} pair;

enum { ADD, DOUBLE, CANCEL, TAKE_A, TAKE_B };

#define NONE 0xffffffffu
#define MIN_ROUND 16    /* below this many pairs an inversion costs more than it saves */
#define MIN_GROUP 2048u /* additions that are to share one inversion */
#define SINGLES 3       /* ranges this short are checked one by one */

typedef struct {
    prepared *items;
    ge *keys;
    scalar *key_sums;
    uint32_t *key_stamps;
    uint32_t *key_list;
    uint32_t n_keys, epoch, found;
    uint32_t *failed;
    uint8_t *free;
} batch;

static void *take(uint8_t **free, size_t bytes) {
    uint8_t *p = *free;
    *free = p + ((bytes + 15) & ~(size_t)15);
    return p;
}

/* Windows of c bits that cover 128 bits; the top one is read without sign. */
static uint32_t windows_of(uint32_t c) { return (128 + c - 1) / c; }

/* Window width of least cost; weights measured: one bucket addition against what a bucket costs at the end. */
static uint32_t window_bits(size_t n) {
    uint32_t c, best = 2;
    uint64_t least = ~(uint64_t)0;
    for (c = 2; c <= 12; c++) {
        uint64_t cost = (uint64_t)windows_of(c) * (n * 13 + ((uint64_t)56 << (c - 1)));
        if (cost < least) { least = cost; best = c; }
    }
    return best;
}

static size_t round_up(size_t x) { return (x + 15) & ~(size_t)15; }

static uint32_t group_of(size_t n, uint32_t windows) {
    uint32_t group = (uint32_t)((MIN_GROUP + n - 1) / n);
    return group < 1 ? 1 : group > windows ? windows : group;
}

/* Bytes that `msm` needs for n terms or fewer. The need is not monotonic in n (fewer terms mean more windows and
 * larger groups), hence bounds: digits at most double, buckets never above 8192, elements below n + MIN_GROUP. */
static size_t msm_memory(size_t n) {
    size_t elements = n + MIN_GROUP;
    return round_up(2 * n * windows_of(window_bits(n)) * sizeof(int16_t)) + 2 * round_up(8192 * 4) + round_up(elements * 4) +
           round_up(elements * sizeof(ge)) + round_up(elements * sizeof(pair)) + 2 * round_up(elements * sizeof(fe)) + 1024;
}

/* The element `index` of a round: in the first a signed reference to a term, later a point of `work`. */
static SECP256K1_FORCE_INLINE void load(ge *out, int first, const term *terms, const ge *work, uint32_t index) {
    if (first) {
        *out = terms[index >> 1].point;
        if (index & 1) S(fe_negate)(&out->y, &out->y, 1);
    } else {
        *out = work[index];
    }
}

static SECP256K1_FORCE_INLINE void add_pairs(int first, pair *pairs, size_t n, const term *terms, ge *work, fe *dens, fe *accs) {
    fe acc = S(fe_one), inverse;
    size_t i;
    for (i = n; i-- > 0;) {
        pair *p = &pairs[i];
        ge a, b;
        fe d;
        if (p->b == NONE) continue;
        load(&a, first, terms, work, p->a);
        load(&b, first, terms, work, p->b);
        if (a.infinity) { p->how = TAKE_B; continue; }
        if (b.infinity) { p->how = TAKE_A; continue; }
        S(fe_negate)(&d, &a.x, 1);
        S(fe_add)(&d, &b.x);
        p->how = ADD;
        if (S(fe_normalizes_to_zero_var)(&d)) {
            fe y = a.y;
            S(fe_negate)(&y, &y, 2);
            S(fe_add)(&y, &b.y);
            if (!S(fe_normalizes_to_zero_var)(&y)) { p->how = CANCEL; continue; }
            p->how = DOUBLE;
            d = a.y;
            S(fe_add)(&d, &a.y);
        }
        dens[i] = d;
        accs[i] = acc;
        S(fe_mul)(&acc, &acc, &dens[i]);
    }
    S(fe_inv_var)(&inverse, &acc);
    for (i = 0; i < n; i++) {
        const pair *p = &pairs[i];
        ge a, b, r;
        fe slope, t;
        load(&a, first, terms, work, p->a);
        if (p->b == NONE || p->how == TAKE_A) {
            S(fe_normalize_weak)(&a.y);
            work[p->out] = a;
            continue;
        }
        load(&b, first, terms, work, p->b);
        if (p->how == TAKE_B) {
            S(fe_normalize_weak)(&b.y);
            work[p->out] = b;
            continue;
        }
        if (p->how == CANCEL) {
            S(ge_set_infinity)(&work[p->out]);
            continue;
        }
        S(fe_mul)(&t, &inverse, &accs[i]);
        S(fe_mul)(&inverse, &inverse, &dens[i]);
        if (p->how == ADD) {
            S(fe_negate)(&slope, &a.y, 2);
            S(fe_add)(&slope, &b.y);
        } else {
            S(fe_sqr)(&slope, &a.x);
            S(fe_mul_int)(&slope, 3);
        }
        S(fe_mul)(&slope, &slope, &t);
        S(fe_sqr)(&r.x, &slope);
        S(fe_negate)(&t, &a.x, 1);
        S(fe_add)(&r.x, &t);
        S(fe_negate)(&t, &b.x, 1);
        S(fe_add)(&r.x, &t);
        S(fe_normalize_weak)(&r.x);
        S(fe_negate)(&t, &r.x, 1);
        S(fe_add)(&t, &a.x);
        S(fe_mul)(&r.y, &t, &slope);
        S(fe_negate)(&t, &a.y, 2);
        S(fe_add)(&r.y, &t);
        S(fe_normalize_weak)(&r.y);
        r.infinity = 0;
        work[p->out] = r;
    }
}

/* r = sum of size*point over the terms. */
static void msm(gej *r, const term *terms, size_t n, uint8_t *free) {
    uint32_t c, windows, group, half, stride, low, high, w;
    int16_t *digits;
    uint32_t *starts, *lengths, *sorted;
    ge *work;
    pair *pairs;
    fe *dens, *accs;
    size_t elements, i;
    S(gej_set_infinity)(r);
    if (n == 0) return;
    c = window_bits(n);
    windows = windows_of(c);
    group = group_of(n, windows);
    half = 1u << (c - 1);
    stride = 1u << c;
    elements = n * group;
    digits = take(&free, n * windows * sizeof(int16_t));
    starts = take(&free, (size_t)stride * group * 4);
    lengths = take(&free, (size_t)stride * group * 4);
    sorted = take(&free, elements * 4);
    work = take(&free, elements * sizeof(ge));
    pairs = take(&free, elements * sizeof(pair));
    dens = take(&free, elements * sizeof(fe));
    accs = take(&free, elements * sizeof(fe));

    for (i = 0; i < n; i++) {
        uint32_t carry = 0, bit = 0;
        for (w = 0; w < windows; w++, bit += c) {
            const uint32_t *word = &terms[i].size[bit >> 5];
            uint64_t two = word[0] | (uint64_t)(bit < 96 ? word[1] : 0) << 32;
            uint32_t v = ((uint32_t)(two >> (bit & 31)) & (stride - 1)) + carry;
            carry = w + 1 < windows && v > half;
            digits[w * n + i] = (int16_t)(carry ? (int32_t)v - (int32_t)stride : (int32_t)v);
        }
    }

    for (high = windows; high > 0; high = low) {
        uint32_t buckets, b, total = 0;
        low = high > group ? high - group : 0;
        buckets = (high - low) * stride;
        memset(lengths, 0, buckets * 4);
        for (w = low; w < high; w++) {
            const int16_t *d = digits + w * n;
            uint32_t *counts = lengths + (w - low) * stride;
            for (i = 0; i < n; i++) {
                int32_t v = d[i];
                if (v != 0) counts[(v < 0 ? -v : v) - 1]++;
            }
        }
        for (b = 0; b < buckets; b++) { starts[b] = total; total += lengths[b]; lengths[b] = 0; }
        for (w = low; w < high; w++) {
            const int16_t *d = digits + w * n;
            uint32_t base = (w - low) * stride;
            for (i = 0; i < n; i++) {
                int32_t v = d[i];
                uint32_t to;
                if (v == 0) continue;
                to = base + (uint32_t)(v < 0 ? -v : v) - 1;
                sorted[starts[to] + lengths[to]++] = (uint32_t)(i << 1) | (v < 0);
            }
        }

        /* The first round moves every bucket to `work`; later rounds shorten it where it lies. */
        {
            size_t m = 0;
            uint32_t k;
            total = 0;
            for (b = 0; b < buckets; b++) {
                const uint32_t *in = sorted + starts[b];
                uint32_t length = lengths[b];
                starts[b] = total;
                for (k = 0; k + 1 < length; k += 2) pairs[m++] = (pair){in[k], in[k + 1], total++, ADD};
                if (k < length) pairs[m++] = (pair){in[k], NONE, total++, ADD};
                lengths[b] = (length + 1) >> 1;
            }
            add_pairs(1, pairs, m, terms, work, dens, accs);
            for (;;) {
                m = 0;
                for (b = 0; b < buckets; b++) {
                    if (lengths[b] > 1) m += lengths[b] >> 1;
                }
                if (m < MIN_ROUND) break;
                m = 0;
                for (b = 0; b < buckets; b++) {
                    uint32_t length = lengths[b], in = starts[b], out = in;
                    if (length < 2) continue;
                    for (k = 0; k + 1 < length; k += 2) pairs[m++] = (pair){in + k, in + k + 1, out++, ADD};
                    if (k < length) pairs[m++] = (pair){in + k, NONE, out, ADD};
                    lengths[b] = (length + 1) >> 1;
                }
                add_pairs(0, pairs, m, terms, work, dens, accs);
            }
        }

        for (w = high; w-- > low;) {
            gej running, sum;
            uint32_t base = (w - low) * stride;
            S(gej_set_infinity)(&running);
            S(gej_set_infinity)(&sum);
            for (i = 0; i < c; i++) S(gej_double_var)(r, r, NULL);
            for (b = stride; b-- > 0;) {
                uint32_t k;
                for (k = 0; k < lengths[base + b]; k++)
                    S(gej_add_ge_var)(&running, &running, &work[starts[base + b] + k], NULL);
                S(gej_add_var)(&sum, &sum, &running, NULL);
            }
            S(gej_add_var)(r, r, &sum, NULL);
        }
    }
}

/* Adds scalar*point as one or two terms of at most 128 bits (the endomorphism splits a long scalar). */
static size_t add_term(term *terms, size_t n, const ge *point, const scalar *factor, int is_short) {
    scalar part[2];
    int i;
    if (is_short) {
        if (S(scalar_is_zero)(factor)) return n;
        terms[n].point = *point;
        memcpy(terms[n].size, factor->d, 16);
        terms[n].size[4] = 0;
        return n + 1;
    }
    S(scalar_split_lambda)(&part[0], &part[1], factor);
    for (i = 0; i < 2; i++) {
        int negative = S(scalar_is_high)(&part[i]);
        if (S(scalar_is_zero)(&part[i])) continue;
        if (negative) S(scalar_negate)(&part[i], &part[i]);
        terms[n].point = *point;
        if (i == 1) S(fe_mul)(&terms[n].point.x, &terms[n].point.x, &S(const_beta));
        if (negative) {
            S(fe_negate)(&terms[n].point.y, &terms[n].point.y, 1);
            S(fe_normalize_weak)(&terms[n].point.y);
        }
        memcpy(terms[n].size, part[i].d, 16);
        terms[n].size[4] = 0;
        n++;
    }
    return n;
}

/* Whether the random sum over the items [from, to) that could be read is zero. */
static int batch_check(batch *b, uint32_t from, uint32_t to) {
    uint8_t *free = b->free;
    term *terms = take(&free, (size_t)(to - from) * 3 * sizeof(term));
    scalar base, product;
    gej sum, at_base, infinity;
    size_t n = 0;
    uint32_t i, keys = 0;
    S(scalar_set_int)(&base, 0);
    b->epoch++;
    for (i = from; i < to; i++) {
        const prepared *p = &b->items[i];
        scalar *key_sum = &b->key_sums[p->key];
        if (!p->ok) continue;
        if (b->key_stamps[p->key] != b->epoch) {
            b->key_stamps[p->key] = b->epoch;
            S(scalar_set_int)(key_sum, 0);
            b->key_list[keys++] = p->key;
        }
        n = add_term(terms, n, &p->point, &p->random, 1);
        S(scalar_mul)(&product, &p->random, &p->second);
        S(scalar_add)(&base, &base, &product);
        if (p->kind == 0) S(scalar_mul)(&product, &p->random, &p->e);
        else S(scalar_negate)(&product, &p->random);
        S(scalar_add)(key_sum, key_sum, &product);
    }
    for (i = 0; i < keys; i++) n = add_term(terms, n, &b->keys[b->key_list[i]], &b->key_sums[b->key_list[i]], 0);
    msm(&sum, terms, n, free);
    S(scalar_negate)(&base, &base);
    S(gej_set_infinity)(&infinity);
    S(ecmult)(&at_base, &infinity, &S(scalar_zero), &base);
    S(gej_add_var)(&sum, &sum, &at_base, NULL);
    return S(gej_is_infinity)(&sum);
}

static int single_check(const batch *b, uint32_t i) {
    const prepared *p = &b->items[i];
    gej key, r;
    scalar factor;
    S(gej_set_ge)(&key, &b->keys[p->key]);
    if (p->kind == 0) S(scalar_negate)(&factor, &p->e);
    else factor = S(scalar_one);
    S(ecmult)(&r, &key, &factor, &p->second);
    return !S(gej_is_infinity)(&r) && S(gej_eq_ge_var)(&r, &p->point);
}

/* Names the failing items of [from, to) in ascending order; `bad` says that the range is known to fail. */
static uint32_t bisect(batch *b, uint32_t from, uint32_t to, int bad) {
    uint32_t before = b->found, middle;
    /* Where failures are dense, halving costs more than it saves. */
    if (to - from <= SINGLES || (b->found > 8 && b->found * 8 > from)) {
        for (; from < to; from++) {
            if (!b->items[from].ok || !single_check(b, from)) b->failed[b->found++] = from;
        }
        return b->found - before;
    }
    if (!bad && batch_check(b, from, to)) {
        for (; from < to; from++) {
            if (!b->items[from].ok) b->failed[b->found++] = from;
        }
        return b->found - before;
    }
    middle = from + (to - from) / 2;
    {
        /* Items that could not be read fail without the equation failing: they prove nothing about the other half. */
        uint32_t i, unread = 0, left;
        for (i = from; i < middle; i++) unread += !b->items[i].ok;
        left = bisect(b, from, middle, 0);
        bisect(b, middle, to, left == unread);
    }
    return b->found - before;
}

static uint32_t find_key(batch *b, uint32_t *table, uint32_t mask, const batch_item *items, const uint32_t *owners,
                         const batch_item *item, uint32_t *slot) {
    uint32_t h = 0, i;
    for (i = 0; i < 8; i++) h = (h ^ load_le32(item->key + 4 * i)) * 0x9e3779b1u + (h >> 15);
    for (i = (h ^ (h >> 16)) & mask;; i = (i + 1) & mask) {
        if (table[i] == NONE) { *slot = i; return NONE; }
        if (memcmp(items[owners[table[i]]].key, item->key, 32) == 0) return table[i];
    }
    (void)b;
}

static uint32_t table_size(uint32_t n) {
    uint32_t size = 16;
    while (size < 2 * n) size <<= 1;
    return size;
}

/* Bytes of working memory that `batch_verify` needs for n items. */
static size_t batch_memory_for(uint32_t n) {
    return round_up(n * sizeof(prepared)) + round_up(n * sizeof(ge)) + round_up(n * sizeof(scalar)) + 4 * round_up(4 * n) +
           round_up(4 * table_size(n)) + round_up(3 * n * sizeof(term)) + msm_memory(n == 0 ? 1 : 3 * (size_t)n) + 4096;
}

/* Verifies n items; writes the indices of those that fail to `failed` and returns how many there are. */
static uint32_t batch_verify_items(const S(hash_ctx) *hash, const batch_item *items, uint32_t n, const uint8_t *entropy,
                                   uint32_t *failed, uint8_t *free) {
    batch b;
    uint32_t size = table_size(n), i;
    uint32_t *owners = take(&free, 4 * n), *table = take(&free, 4 * size);
    S(sha256) seed;
    uint8_t root[64];
    b.items = take(&free, n * sizeof(prepared));
    b.keys = take(&free, n * sizeof(ge));
    b.key_sums = take(&free, n * sizeof(scalar));
    b.key_stamps = take(&free, 4 * n);
    b.key_list = take(&free, 4 * n);
    b.n_keys = b.epoch = b.found = 0;
    b.failed = failed;
    b.free = free;
    memset(table, 0xff, 4 * size);
    memset(b.key_stamps, 0, 4 * n);
    S(sha256_initialize)(&seed);
    if (entropy != NULL) S(sha256_write)(hash, &seed, entropy, 32);

    for (i = 0; i < n; i++) {
        const batch_item *item = &items[i];
        prepared *p = &b.items[i];
        uint32_t key, slot;
        int overflow, invalid;
        fe x;
        uint8_t kind = (uint8_t)(item->kind | item->parity << 1);
        p->ok = 0;
        p->key = 0;
        p->kind = item->kind;
        S(scalar_set_b32)(&p->second, item->second, &overflow);
        if (overflow) continue;
        if (item->kind != 0 && item->parity > 1) continue;
        key = find_key(&b, table, size - 1, items, owners, item, &slot);
        if (key == NONE) {
            ge *point = &b.keys[b.n_keys];
            invalid = !S(fe_set_b32_limit)(&x, item->key) || !S(ge_set_xo_var)(point, &x, 0);
            S(fe_normalize_weak)(&point->y);
            if (invalid) point->infinity = 1;
            owners[b.n_keys] = i;
            key = table[slot] = b.n_keys++;
        }
        if (b.keys[key].infinity) continue;
        p->key = key;
        if (!S(fe_set_b32_limit)(&x, item->first) || !S(ge_set_xo_var)(&p->point, &x, item->kind != 0 && item->parity == 1))
            continue;
        S(fe_normalize_weak)(&p->point.y);
        p->ok = 1;
        /* The seed binds everything: e commits to R, P and the message, so e and s name the whole signature. */
        S(sha256_write)(hash, &seed, &kind, 1);
        S(sha256_write)(hash, &seed, item->second, 32);
        if (item->kind == 0) {
            uint8_t bytes[32];
            S(schnorrsig_challenge)(hash, &p->e, item->first, (const uint8_t *)(uintptr_t)item->message, item->length, item->key);
            S(scalar_get_b32)(bytes, &p->e);
            S(sha256_write)(hash, &seed, bytes, 32);
        } else {
            S(sha256_write)(hash, &seed, item->first, 32);
            S(sha256_write)(hash, &seed, item->key, 32);
        }
    }
    S(sha256_finalize)(hash, &seed, root);

    memset(root + 32, 0, 32);
    for (i = 0; i < n; i += 2) {
        uint32_t state[8], j, k;
        memcpy(state, sha256_start, sizeof(state));
        memcpy(root + 32, &i, 4);
        S(sha256_transform)(state, root, 1);
        for (j = 0; j < 2 && i + j < n; j++) {
            scalar *random = &b.items[i + j].random;
            S(scalar_set_int)(random, 0);
            for (k = 0; k < 4; k++) random->d[k] = state[4 * j + k];
            random->d[3] &= 0x7fffffffu;
        }
    }
    bisect(&b, 0, n, 0);
    return b.found;
}

#endif
