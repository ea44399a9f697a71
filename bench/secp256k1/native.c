/* The native limit: libsecp256k1 of the same crate, window 15, with its x86-64 assembly where there is one.
 * Usage: native <operation> <milliseconds>; prints microseconds of CPU of this thread per operation.
 * Every operation starts from bytes and ends in bytes, as the calls from JavaScript do. */
#include "src/secp256k1.c"
#include "src/precomputed_ecmult.c"
#include "src/precomputed_ecmult_gen.c"
#include <stdio.h>
#include <time.h>

#define S(name) rustsecp256k1_v0_14_##name
#define N 256

static unsigned char keys[N][32], messages[N][32], points[N][33], ecdsa[N][64], bip340[N][64];
static S(context) *ctx;
static unsigned sink;

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static void fill(unsigned char *out, unsigned i, unsigned char tag) {
    unsigned char in[8] = {(unsigned char)i, (unsigned char)(i >> 8), tag};
    S(tagged_sha256)(ctx, out, in, 8, in, 8);
}

static int run(const char *op, unsigned i) {
    S(pubkey) point;
    S(xonly_pubkey) x;
    S(keypair) pair;
    S(ecdsa_signature) signature;
    unsigned char out[65];
    size_t length = 33;
    int parity;
    switch (op[0]) {
        case 's': /* schnorr verify */
            return S(xonly_pubkey_parse)(ctx, &x, points[i] + 1) && S(schnorrsig_verify)(ctx, bip340[i], messages[i], 32, &x);
        case 'e': /* ecdsa verify */
            return S(ec_pubkey_parse)(ctx, &point, points[i], 33) && S(ecdsa_signature_parse_compact)(ctx, &signature, ecdsa[i]) &&
                   S(ecdsa_verify)(ctx, &signature, messages[i], &point);
        case 'S': /* schnorr sign */
            if (!S(keypair_create)(ctx, &pair, keys[i]) || !S(schnorrsig_sign32)(ctx, out, messages[i], &pair, NULL)) return 0;
            break;
        case 'E': /* ecdsa sign */
            if (!S(ecdsa_sign)(ctx, &signature, messages[i], keys[i], NULL, NULL)) return 0;
            S(ecdsa_signature_serialize_compact)(ctx, out, &signature);
            break;
        case 't': /* x-only tweak */
            if (!S(xonly_pubkey_parse)(ctx, &x, points[i] + 1) || !S(xonly_pubkey_tweak_add)(ctx, &point, &x, messages[i])) return 0;
            S(xonly_pubkey_from_pubkey)(ctx, &x, &parity, &point);
            S(xonly_pubkey_serialize)(ctx, out, &x);
            break;
        case 'd': /* derive */
            if (!S(ec_pubkey_create)(ctx, &point, keys[i])) return 0;
            S(ec_pubkey_serialize)(ctx, out, &length, &point, SECP256K1_EC_COMPRESSED);
            break;
        default: /* ecdh */
            if (!S(ec_pubkey_parse)(ctx, &point, points[i], 33) || !S(ecdh)(ctx, out, &point, keys[i], NULL, NULL)) return 0;
    }
    sink += out[1];
    return 1;
}

int main(int argc, char **argv) {
    static unsigned char memory[4096];
    const double window = argc > 2 ? atof(argv[2]) * 1e3 : 150e3;
    double start, used = 0;
    unsigned i, count = 0;
    ctx = S(context_preallocated_create)(memory, SECP256K1_CONTEXT_NONE);
    for (i = 0; i < N; i++) {
        S(keypair) pair;
        S(pubkey) point;
        S(ecdsa_signature) signature;
        size_t length = 33;
        fill(keys[i], i, 1);
        fill(messages[i], i, 2);
        if (!S(keypair_create)(ctx, &pair, keys[i]) || !S(keypair_pub)(ctx, &point, &pair)) return 1;
        S(ec_pubkey_serialize)(ctx, points[i], &length, &point, SECP256K1_EC_COMPRESSED);
        if (!S(schnorrsig_sign32)(ctx, bip340[i], messages[i], &pair, NULL)) return 1;
        if (!S(ecdsa_sign)(ctx, &signature, messages[i], keys[i], NULL, NULL)) return 1;
        S(ecdsa_signature_serialize_compact)(ctx, ecdsa[i], &signature);
    }
    start = now();
    while (used < window) {
        for (i = 0; i < 64; i++, count++) {
            if (!run(argv[1], count % N)) return 2;
        }
        used = now() - start;
    }
    printf("%.6f %u\n", used / count, sink & 1);
    return 0;
}
