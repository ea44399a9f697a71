/* The byte-level surface of the module: fixed slots in, fixed slots out, so that a call allocates nothing.
 *
 * One translation unit with all of upstream, which lets the compiler see through its static functions. Arguments of
 * known length lie in slots of 128 bytes (`slots()`), everything else in the arena that begins at `arena()`.
 */
#ifndef BE_NATIVE
#include "memory.h"
#endif
#include "src/secp256k1.c"
#include "src/precomputed_ecmult.c"
#include "src/precomputed_ecmult_gen.c"

#define S(name) rustsecp256k1_v0_14_##name
#ifdef BE_NATIVE
#define EXPORT(name) __attribute__((visibility("default"))) name
#else
#define EXPORT(name) __attribute__((export_name(#name))) name
#endif

#include "hash.h"
#include "batch.h"
#include "multiply.h"

#define SLOT(n) (slot + 128 * (n))
#define TAGS 64

static uint8_t slot[128 * 8] __attribute__((aligned(16)));
static uint8_t context_memory[1024] __attribute__((aligned(16)));
static S(context) *context;
static S(sha256) tags[TAGS];

extern uint8_t __heap_base;

/* Upstream calls these only when a caller breaks its contract; the wrapper checks all lengths, so it is a defect. */
void S(default_illegal_callback_fn)(const char *text, void *data) { (void)text; (void)data; __builtin_trap(); }
void S(default_error_callback_fn)(const char *text, void *data) { (void)text; (void)data; __builtin_trap(); }

static const S(hash_ctx) *hashing(void) { return S(get_hash_context)(context); }

uint8_t *EXPORT(slots)(void) { return slot; }
#ifndef BE_NATIVE
uint8_t *EXPORT(arena)(void) { return (uint8_t *)(((uintptr_t)&__heap_base + 63) & ~(uintptr_t)63); }
#endif

/* Builds the context; 0 when it would not fit. */
int EXPORT(start)(void) {
    if (S(context_preallocated_size)(SECP256K1_CONTEXT_NONE) > sizeof(context_memory)) return 0;
    context = S(context_preallocated_create)(context_memory, SECP256K1_CONTEXT_NONE);
    return context != NULL;
}

/* Blinds signing with the 32 bytes in slot 0. */
int EXPORT(randomize)(void) {
    int ok = S(context_randomize)(context, SLOT(0));
    S(memclear_explicit)(SLOT(0), 32);
    return ok;
}

/* Clears all slots: called after anything that saw a secret. */
static int wiped(int result, int from, int to) {
    S(memclear_explicit)(SLOT(from), 128 * (size_t)(to - from));
    return result;
}

/* ---- hashes: from the arena to slot 0 ---- */

void EXPORT(sha256)(const uint8_t *data, size_t length) {
    S(sha256) h;
    S(sha256_initialize)(&h);
    S(sha256_write)(hashing(), &h, data, length);
    S(sha256_finalize)(hashing(), &h, SLOT(0));
}

/* Long data comes in pieces, so that the arena stays small. */
static S(sha256) stream;
void EXPORT(sha256_begin)(void) { S(sha256_initialize)(&stream); }
void EXPORT(sha256_write)(const uint8_t *data, size_t length) { S(sha256_write)(hashing(), &stream, data, length); }
void EXPORT(sha256_end)(void) { S(sha256_finalize)(hashing(), &stream, SLOT(0)); }

void EXPORT(hash256)(const uint8_t *data, size_t length) {
    sha256(data, length);
    sha256(SLOT(0), 32);
}

void EXPORT(sha1)(const uint8_t *data, size_t length) { hash160_finish(sha1_block, data, length, SLOT(0), 1); }
void EXPORT(ripemd160)(const uint8_t *data, size_t length) { hash160_finish(ripemd160_block, data, length, SLOT(0), 0); }

void EXPORT(hash160)(const uint8_t *data, size_t length) {
    sha256(data, length);
    memcpy(SLOT(1), SLOT(0), 32);
    ripemd160(SLOT(1), 32);
}

void EXPORT(sha512)(const uint8_t *data, size_t length) {
    sha512_state h;
    sha512_init(&h);
    sha512_write(&h, data, length);
    sha512_finish(&h, SLOT(0));
}

void EXPORT(hmac_sha256)(const uint8_t *key, size_t key_length, const uint8_t *data, size_t length) {
    S(hmac_sha256) h;
    S(hmac_sha256_initialize)(hashing(), &h, key, key_length);
    S(hmac_sha256_write)(hashing(), &h, data, length);
    S(hmac_sha256_finalize)(hashing(), &h, SLOT(0));
    S(hmac_sha256_clear)(&h);
}

void EXPORT(hmac_sha512)(const uint8_t *key, size_t key_length, const uint8_t *data, size_t length) {
    sha512_state h;
    uint8_t block[128], inner[64];
    int i;
    memset(block, 0, sizeof(block));
    if (key_length > 128) {
        sha512_init(&h);
        sha512_write(&h, key, key_length);
        sha512_finish(&h, block);
    } else {
        memcpy(block, key, key_length);
    }
    for (i = 0; i < 128; i++) block[i] ^= 0x36;
    sha512_init(&h);
    sha512_write(&h, block, 128);
    sha512_write(&h, data, length);
    sha512_finish(&h, inner);
    for (i = 0; i < 128; i++) block[i] ^= 0x36 ^ 0x5c;
    sha512_init(&h);
    sha512_write(&h, block, 128);
    sha512_write(&h, inner, 64);
    sha512_finish(&h, SLOT(0));
    S(memclear_explicit)(&h, sizeof(h));
    S(memclear_explicit)(block, sizeof(block));
    S(memclear_explicit)(inner, sizeof(inner));
}

/* Remembers the midstate of a tag under a number below 64. */
void EXPORT(tag_set)(uint32_t index, const uint8_t *tag, size_t length) {
    S(sha256_initialize_tagged)(hashing(), &tags[index & (TAGS - 1)], tag, length);
}

void EXPORT(tagged_hash)(uint32_t index, const uint8_t *data, size_t length) {
    S(sha256) h = tags[index & (TAGS - 1)];
    S(sha256_write)(hashing(), &h, data, length);
    S(sha256_finalize)(hashing(), &h, SLOT(0));
}

/* SHA-256d of n blocks of 64 bytes; `out` may be `in`. */
void EXPORT(hash256_pairs)(const uint8_t *in, size_t n, uint8_t *out) {
    size_t i;
    int j;
    for (i = 0; i + 4 <= n; i += 4) {
        lanes s[8], w[16];
        for (j = 0; j < 16; j++) w[j] = gather4(in + 64 * i + 4 * (size_t)j, 64);
        sha256_start4(s);
        sha256_block4(s, w);
        w[0] = splat(0x80000000u);
        for (j = 1; j < 15; j++) w[j] = splat(0);
        w[15] = splat(512);
        sha256_block4(s, w);
        sha256_again4(s);
        for (j = 0; j < 8; j++) scatter4(out + 32 * i + 4 * (size_t)j, 32, s[j]);
    }
    for (; i < n; i++) {
        hash256(in + 64 * i, 64);
        memcpy(out + 32 * i, SLOT(0), 32);
    }
}

/* SHA-256, once or twice, of n messages of one length that lie end to end. */
void EXPORT(sha256_many)(const uint8_t *in, size_t length, size_t n, uint8_t *out, int twice) {
    size_t i, at, rest = length & 63, padded = rest < 56 ? 64 : 128;
    int j, k;
    for (i = 0; i + 4 <= n; i += 4) {
        const uint8_t *p = in + length * i;
        uint8_t last[4][128];
        lanes s[8], w[16];
        sha256_start4(s);
        for (at = 0; at + 64 <= length; at += 64) {
            for (j = 0; j < 16; j++) w[j] = gather4(p + at + 4 * (size_t)j, length);
            sha256_block4(s, w);
        }
        for (k = 0; k < 4; k++) {
            memset(last[k], 0, 128);
            memcpy(last[k], p + length * (size_t)k + at, rest);
            last[k][rest] = 0x80;
            store_be64(last[k] + padded - 8, (uint64_t)length << 3);
        }
        for (at = 0; at < padded; at += 64) {
            for (j = 0; j < 16; j++) w[j] = gather4(last[0] + at + 4 * (size_t)j, 128);
            sha256_block4(s, w);
        }
        if (twice) sha256_again4(s);
        for (j = 0; j < 8; j++) scatter4(out + 32 * i + 4 * (size_t)j, 32, s[j]);
    }
    for (; i < n; i++) {
        if (twice) hash256(in + length * i, length); else sha256(in + length * i, length);
        memcpy(out + 32 * i, SLOT(0), 32);
    }
}

/* ---- keys ---- */

int EXPORT(secret_key_valid)(void) { return wiped(S(ec_seckey_verify)(context, SLOT(0)), 0, 1); }

int EXPORT(public_key_valid)(size_t length) {
    ge point;
    return S(eckey_pubkey_parse)(&point, SLOT(0), length);
}

int EXPORT(x_only_valid)(void) {
    fe x;
    return S(fe_set_b32_limit)(&x, SLOT(0)) && S(ge_x_on_curve_var)(&x);
}

/* Length of what was written to slot 1: 33 or 65, 0 for none. */
static int put_point(ge *point, int compressed) {
    if (S(ge_is_infinity)(point)) return 0;
    if (compressed) S(eckey_pubkey_serialize33)(point, SLOT(1)); else S(eckey_pubkey_serialize65)(point, SLOT(1));
    return compressed ? 33 : 65;
}

int EXPORT(public_key_create)(int compressed) {
    S(pubkey) key;
    ge point;
    int ok = S(ec_pubkey_create)(context, &key, SLOT(0));
    wiped(0, 0, 1);
    return ok && S(pubkey_load)(context, &point, &key) ? put_point(&point, compressed) : 0;
}

int EXPORT(public_key_convert)(size_t length, int compressed) {
    ge point;
    return S(eckey_pubkey_parse)(&point, SLOT(0), length) ? put_point(&point, compressed) : 0;
}

/* ---- ECDSA ---- */

/* Slots: hash, key, entropy; the signature goes to slot 3. */
int EXPORT(ecdsa_sign)(int has_entropy) {
    S(ecdsa_signature) signature;
    int ok = S(ecdsa_sign)(context, &signature, SLOT(0), SLOT(1), NULL, has_entropy ? SLOT(2) : NULL);
    if (ok) S(ecdsa_signature_serialize_compact)(context, SLOT(3), &signature);
    return wiped(ok, 1, 3);
}

/* Slots: signature, hash, key. Both forms of S are accepted. */
int EXPORT(ecdsa_verify)(size_t key_length) {
    scalar r, s, m;
    ge key;
    int overflow;
    S(scalar_set_b32)(&r, SLOT(0), &overflow);
    if (overflow) return 0;
    S(scalar_set_b32)(&s, SLOT(0) + 32, &overflow);
    if (overflow || !S(eckey_pubkey_parse)(&key, SLOT(2), key_length)) return 0;
    S(scalar_set_b32)(&m, SLOT(1), NULL);
    return S(ecdsa_sig_verify)(&r, &s, &key, &m);
}

/* Slots: hash, key; the signature goes to slot 3. Recovery id, or -1. */
int EXPORT(ecdsa_sign_recoverable)(void) {
    S(ecdsa_recoverable_signature) signature;
    int id = -1;
    if (S(ecdsa_sign_recoverable)(context, &signature, SLOT(0), SLOT(1), NULL, NULL))
        S(ecdsa_recoverable_signature_serialize_compact)(context, SLOT(3), &id, &signature);
    return wiped(id, 1, 2);
}

/* Slots: signature, hash; the key goes to slot 1. */
int EXPORT(ecdsa_recover)(int id) {
    S(ecdsa_recoverable_signature) signature;
    S(pubkey) key;
    ge point;
    return S(ecdsa_recoverable_signature_parse_compact)(context, &signature, SLOT(0), id) &&
           S(ecdsa_recover)(context, &key, &signature, SLOT(1)) && S(pubkey_load)(context, &point, &key)
               ? put_point(&point, 1) : 0;
}

/* ---- BIP340 ---- */

/* Slots: key, auxiliary randomness; the signature goes to slot 2. */
int EXPORT(schnorr_sign)(const uint8_t *message, size_t length, int has_random) {
    S(schnorrsig_extraparams) extra = SECP256K1_SCHNORRSIG_EXTRAPARAMS_INIT;
    S(keypair) pair;
    int ok = S(keypair_create)(context, &pair, SLOT(0));
    extra.ndata = has_random ? SLOT(1) : NULL;
    ok = ok && S(schnorrsig_sign_custom)(context, SLOT(2), message, length, &pair, &extra);
    S(memclear_explicit)(&pair, sizeof(pair));
    return wiped(ok, 0, 2);
}

/* Slots: signature, key. */
int EXPORT(schnorr_verify)(const uint8_t *message, size_t length) {
    S(xonly_pubkey) key;
    return S(xonly_pubkey_parse)(context, &key, SLOT(1)) && S(schnorrsig_verify)(context, SLOT(0), message, length, &key);
}

size_t EXPORT(batch_memory)(uint32_t n) { return batch_memory_for(n); }

/* Entropy for the randomisers, if any, lies in slot 0. */
uint32_t EXPORT(batch_verify)(const batch_item *items, uint32_t n, int has_entropy, uint32_t *failed, uint8_t *memory) {
    return batch_verify_items(hashing(), items, n, has_entropy ? SLOT(0) : NULL, failed, memory);
}

/* ---- tweaks and points ---- */

/* Slots: x-only key, tweak; the x coordinate goes to slot 1. Parity, or -1. */
int EXPORT(x_only_tweak_add)(void) {
    fe x;
    ge point;
    scalar tweak;
    int overflow;
    S(scalar_set_b32)(&tweak, SLOT(1), &overflow);
    if (overflow || !S(fe_set_b32_limit)(&x, SLOT(0)) || !S(ge_set_xo_var)(&point, &x, 0)) return -1;
    if (!S(eckey_pubkey_tweak_add)(&point, &tweak)) return -1;
    S(fe_normalize_var)(&point.x);
    S(fe_normalize_var)(&point.y);
    S(fe_get_b32)(SLOT(1), &point.x);
    return S(fe_is_odd)(&point.y);
}

/* Slots: tweaked key, internal key, tweak. */
int EXPORT(x_only_tweak_add_check)(int parity) {
    memcpy(SLOT(3), SLOT(0), 32);
    memcpy(SLOT(0), SLOT(1), 32);
    memcpy(SLOT(1), SLOT(2), 32);
    return x_only_tweak_add() == parity && memcmp(SLOT(1), SLOT(3), 32) == 0;
}

/* Slots: key, tweak; the key goes to slot 2. */
int EXPORT(secret_key_tweak_add)(void) {
    int ok = S(ec_seckey_tweak_add)(context, SLOT(0), SLOT(1));
    memcpy(SLOT(2), SLOT(0), 32);
    return wiped(ok, 0, 2);
}

int EXPORT(secret_key_tweak_mul)(void) {
    int ok = S(ec_seckey_tweak_mul)(context, SLOT(0), SLOT(1));
    memcpy(SLOT(2), SLOT(0), 32);
    return wiped(ok, 0, 2);
}

int EXPORT(secret_key_negate)(void) {
    int ok = S(ec_seckey_negate)(context, SLOT(0));
    memcpy(SLOT(2), SLOT(0), 32);
    return wiped(ok, 0, 1);
}

/* Slots: key, result, tweak. */
int EXPORT(public_key_tweak_add)(size_t length) {
    ge point;
    scalar tweak;
    int overflow;
    S(scalar_set_b32)(&tweak, SLOT(2), &overflow);
    return !overflow && S(eckey_pubkey_parse)(&point, SLOT(0), length) && S(eckey_pubkey_tweak_add)(&point, &tweak)
               ? put_point(&point, 1) : 0;
}

int EXPORT(public_key_tweak_mul)(size_t length) {
    ge point;
    scalar tweak;
    int overflow;
    S(scalar_set_b32)(&tweak, SLOT(2), &overflow);
    return !overflow && S(eckey_pubkey_parse)(&point, SLOT(0), length) && S(eckey_pubkey_tweak_mul)(&point, &tweak)
               ? put_point(&point, 1) : 0;
}

int EXPORT(public_key_negate)(size_t length) {
    ge point;
    if (!S(eckey_pubkey_parse)(&point, SLOT(0), length)) return 0;
    S(ge_neg)(&point, &point);
    return put_point(&point, 1);
}

/* Sum of n keys, each in 66 bytes: its length, then its bytes. */
int EXPORT(public_key_combine)(const uint8_t *keys, size_t n) {
    gej sum;
    ge point;
    size_t i;
    S(gej_set_infinity)(&sum);
    for (i = 0; i < n; i++) {
        if (!S(eckey_pubkey_parse)(&point, keys + 66 * i + 1, keys[66 * i])) return 0;
        S(gej_add_ge_var)(&sum, &sum, &point, NULL);
    }
    if (S(gej_is_infinity)(&sum)) return 0;
    S(ge_set_gej_var)(&point, &sum);
    return put_point(&point, 1);
}

size_t EXPORT(multiply_memory)(uint32_t n) { return multiply_memory_for(n); }

/* Adds n terms to a sum that lives from the call with `first` on; the one with `last` writes it to slot 1. Length of
 * what was written, 0 for none, -1 when a term is none. */
int EXPORT(multiply)(const multiply_term *terms, uint32_t n, int first, int last, uint8_t *memory) {
    static gej sum;
    ge point;
    if (first) S(gej_set_infinity)(&sum);
    if (!multiply_add(&sum, terms, n, memory)) return -1;
    if (!last || S(gej_is_infinity)(&sum)) return 0;
    S(ge_set_gej_var)(&point, &sum);
    return put_point(&point, 1);
}

/* Slots: secret key, public key; the shared secret goes to slot 2. */
int EXPORT(ecdh)(size_t length) {
    S(pubkey) key;
    int ok = S(ec_pubkey_parse)(context, &key, SLOT(1), length) && S(ecdh)(context, SLOT(2), &key, SLOT(0), NULL, NULL);
    return wiped(ok, 0, 1);
}
