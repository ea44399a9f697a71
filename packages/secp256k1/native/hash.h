/* Hash functions beside upstream's SHA-256: SHA-1, RIPEMD-160, SHA-512, HMAC, and SHA-256 on four lanes. */
#ifndef BE_HASH_H
#define BE_HASH_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

static inline uint32_t rotl32(uint32_t x, int n) { return (x << n) | (x >> (32 - n)); }
static inline uint64_t rotr64(uint64_t x, int n) { return (x >> n) | (x << (64 - n)); }
static inline uint32_t load_le32(const uint8_t *p) { uint32_t v; memcpy(&v, p, 4); return v; }
static inline void store_le32(uint8_t *p, uint32_t v) { memcpy(p, &v, 4); }
static inline uint32_t load_be32(const uint8_t *p) { return __builtin_bswap32(load_le32(p)); }
static inline void store_be32(uint8_t *p, uint32_t v) { store_le32(p, __builtin_bswap32(v)); }
static inline uint64_t load_be64(const uint8_t *p) { uint64_t v; memcpy(&v, p, 8); return __builtin_bswap64(v); }
static inline void store_be64(uint8_t *p, uint64_t v) { v = __builtin_bswap64(v); memcpy(p, &v, 8); }

/* ---- SHA-1 (FIPS 180-4) ---- */

static void sha1_block(uint32_t *s, const uint8_t *in) {
    uint32_t w[80], a = s[0], b = s[1], c = s[2], d = s[3], e = s[4], f, k, t;
    int i;
    for (i = 0; i < 16; i++) w[i] = load_be32(in + 4 * i);
    for (; i < 80; i++) w[i] = rotl32(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
    for (i = 0; i < 80; i++) {
        if (i < 20) { f = d ^ (b & (c ^ d)); k = 0x5a827999u; }
        else if (i < 40) { f = b ^ c ^ d; k = 0x6ed9eba1u; }
        else if (i < 60) { f = (b & c) | (d & (b | c)); k = 0x8f1bbcdcu; }
        else { f = b ^ c ^ d; k = 0xca62c1d6u; }
        t = rotl32(a, 5) + f + e + k + w[i];
        e = d; d = c; c = rotl32(b, 30); b = a; a = t;
    }
    s[0] += a; s[1] += b; s[2] += c; s[3] += d; s[4] += e;
}

/* ---- RIPEMD-160 (Dobbertin, Bosselaers, Preneel 1996) ---- */

static const uint8_t ripemd_left[80] = {
    0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15,
    7, 4, 13, 1, 10, 6, 15, 3, 12, 0, 9, 5, 2, 14, 11, 8,
    3, 10, 14, 4, 9, 15, 8, 1, 2, 7, 0, 6, 13, 11, 5, 12,
    1, 9, 11, 10, 0, 8, 12, 4, 13, 3, 7, 15, 14, 5, 6, 2,
    4, 0, 5, 9, 7, 12, 2, 10, 14, 1, 3, 8, 11, 6, 15, 13,
};
static const uint8_t ripemd_right[80] = {
    5, 14, 7, 0, 9, 2, 11, 4, 13, 6, 15, 8, 1, 10, 3, 12,
    6, 11, 3, 7, 0, 13, 5, 10, 14, 15, 8, 12, 4, 9, 1, 2,
    15, 5, 1, 3, 7, 14, 6, 9, 11, 8, 12, 2, 10, 0, 4, 13,
    8, 6, 4, 1, 3, 11, 15, 0, 5, 12, 2, 13, 9, 7, 10, 14,
    12, 15, 10, 4, 1, 5, 8, 7, 6, 2, 13, 14, 0, 3, 9, 11,
};
static const uint8_t ripemd_left_shift[80] = {
    11, 14, 15, 12, 5, 8, 7, 9, 11, 13, 14, 15, 6, 7, 9, 8,
    7, 6, 8, 13, 11, 9, 7, 15, 7, 12, 15, 9, 11, 7, 13, 12,
    11, 13, 6, 7, 14, 9, 13, 15, 14, 8, 13, 6, 5, 12, 7, 5,
    11, 12, 14, 15, 14, 15, 9, 8, 9, 14, 5, 6, 8, 6, 5, 12,
    9, 15, 5, 11, 6, 8, 13, 12, 5, 12, 13, 14, 11, 8, 5, 6,
};
static const uint8_t ripemd_right_shift[80] = {
    8, 9, 9, 11, 13, 15, 15, 5, 7, 7, 8, 11, 14, 14, 12, 6,
    9, 13, 15, 7, 12, 8, 9, 11, 7, 7, 12, 7, 6, 15, 13, 11,
    9, 7, 15, 11, 8, 6, 6, 14, 12, 13, 5, 14, 13, 13, 7, 5,
    15, 5, 8, 11, 14, 14, 6, 14, 6, 9, 12, 9, 12, 5, 15, 8,
    8, 5, 12, 9, 12, 5, 14, 6, 8, 13, 6, 5, 15, 13, 11, 11,
};

static inline uint32_t ripemd_f(int round, uint32_t x, uint32_t y, uint32_t z) {
    switch (round) {
        case 0: return x ^ y ^ z;
        case 1: return (x & y) | (~x & z);
        case 2: return (x | ~y) ^ z;
        case 3: return (x & z) | (y & ~z);
        default: return x ^ (y | ~z);
    }
}

static void ripemd160_block(uint32_t *s, const uint8_t *in) {
    static const uint32_t kl[5] = {0, 0x5a827999u, 0x6ed9eba1u, 0x8f1bbcdcu, 0xa953fd4eu};
    static const uint32_t kr[5] = {0x50a28be6u, 0x5c4dd124u, 0x6d703ef3u, 0x7a6d76e9u, 0};
    uint32_t x[16], t;
    uint32_t al = s[0], bl = s[1], cl = s[2], dl = s[3], el = s[4];
    uint32_t ar = s[0], br = s[1], cr = s[2], dr = s[3], er = s[4];
    int i;
    for (i = 0; i < 16; i++) x[i] = load_le32(in + 4 * i);
#pragma clang loop unroll(full)
    for (i = 0; i < 80; i++) {
        t = rotl32(al + ripemd_f(i / 16, bl, cl, dl) + x[ripemd_left[i]] + kl[i / 16], ripemd_left_shift[i]) + el;
        al = el; el = dl; dl = rotl32(cl, 10); cl = bl; bl = t;
        t = rotl32(ar + ripemd_f(4 - i / 16, br, cr, dr) + x[ripemd_right[i]] + kr[i / 16], ripemd_right_shift[i]) + er;
        ar = er; er = dr; dr = rotl32(cr, 10); cr = br; br = t;
    }
    t = s[1] + cl + dr;
    s[1] = s[2] + dl + er; s[2] = s[3] + el + ar; s[3] = s[4] + al + br; s[4] = s[0] + bl + cr; s[0] = t;
}

/* Both five-word hashes pad a message alike; only the byte order of length and digest differs. */
static void hash160_finish(void (*block)(uint32_t *, const uint8_t *), const uint8_t *data, size_t length, uint8_t *out,
                           int big_endian) {
    uint32_t s[5] = {0x67452301u, 0xefcdab89u, 0x98badcfeu, 0x10325476u, 0xc3d2e1f0u};
    uint8_t last[128];
    size_t rest = length & 63, padded = rest < 56 ? 64 : 128, i;
    uint64_t bits = (uint64_t)length << 3;
    for (i = 0; i + 64 <= length; i += 64) block(s, data + i);
    memset(last, 0, sizeof(last));
    memcpy(last, data + (length - rest), rest);
    last[rest] = 0x80;
    for (i = 0; i < 8; i++) last[padded - 8 + i] = (uint8_t)(bits >> (big_endian ? 56 - 8 * i : 8 * i));
    for (i = 0; i < padded; i += 64) block(s, last + i);
    for (i = 0; i < 5; i++) {
        if (big_endian) store_be32(out + 4 * i, s[i]); else store_le32(out + 4 * i, s[i]);
    }
}

/* ---- SHA-512 (FIPS 180-4) ---- */

static const uint64_t sha512_k[80] = {
    0x428a2f98d728ae22ull, 0x7137449123ef65cdull, 0xb5c0fbcfec4d3b2full, 0xe9b5dba58189dbbcull,
    0x3956c25bf348b538ull, 0x59f111f1b605d019ull, 0x923f82a4af194f9bull, 0xab1c5ed5da6d8118ull,
    0xd807aa98a3030242ull, 0x12835b0145706fbeull, 0x243185be4ee4b28cull, 0x550c7dc3d5ffb4e2ull,
    0x72be5d74f27b896full, 0x80deb1fe3b1696b1ull, 0x9bdc06a725c71235ull, 0xc19bf174cf692694ull,
    0xe49b69c19ef14ad2ull, 0xefbe4786384f25e3ull, 0x0fc19dc68b8cd5b5ull, 0x240ca1cc77ac9c65ull,
    0x2de92c6f592b0275ull, 0x4a7484aa6ea6e483ull, 0x5cb0a9dcbd41fbd4ull, 0x76f988da831153b5ull,
    0x983e5152ee66dfabull, 0xa831c66d2db43210ull, 0xb00327c898fb213full, 0xbf597fc7beef0ee4ull,
    0xc6e00bf33da88fc2ull, 0xd5a79147930aa725ull, 0x06ca6351e003826full, 0x142929670a0e6e70ull,
    0x27b70a8546d22ffcull, 0x2e1b21385c26c926ull, 0x4d2c6dfc5ac42aedull, 0x53380d139d95b3dfull,
    0x650a73548baf63deull, 0x766a0abb3c77b2a8ull, 0x81c2c92e47edaee6ull, 0x92722c851482353bull,
    0xa2bfe8a14cf10364ull, 0xa81a664bbc423001ull, 0xc24b8b70d0f89791ull, 0xc76c51a30654be30ull,
    0xd192e819d6ef5218ull, 0xd69906245565a910ull, 0xf40e35855771202aull, 0x106aa07032bbd1b8ull,
    0x19a4c116b8d2d0c8ull, 0x1e376c085141ab53ull, 0x2748774cdf8eeb99ull, 0x34b0bcb5e19b48a8ull,
    0x391c0cb3c5c95a63ull, 0x4ed8aa4ae3418acbull, 0x5b9cca4f7763e373ull, 0x682e6ff3d6b2b8a3ull,
    0x748f82ee5defb2fcull, 0x78a5636f43172f60ull, 0x84c87814a1f0ab72ull, 0x8cc702081a6439ecull,
    0x90befffa23631e28ull, 0xa4506cebde82bde9ull, 0xbef9a3f7b2c67915ull, 0xc67178f2e372532bull,
    0xca273eceea26619cull, 0xd186b8c721c0c207ull, 0xeada7dd6cde0eb1eull, 0xf57d4f7fee6ed178ull,
    0x06f067aa72176fbaull, 0x0a637dc5a2c898a6ull, 0x113f9804bef90daeull, 0x1b710b35131c471bull,
    0x28db77f523047d84ull, 0x32caab7b40c72493ull, 0x3c9ebe0a15c9bebcull, 0x431d67c49c100d4cull,
    0x4cc5d4becb3e42b6ull, 0x597f299cfc657e2aull, 0x5fcb6fab3ad6faecull, 0x6c44198c4a475817ull,
};
static const uint64_t sha512_start[8] = {
    0x6a09e667f3bcc908ull, 0xbb67ae8584caa73bull, 0x3c6ef372fe94f82bull, 0xa54ff53a5f1d36f1ull,
    0x510e527fade682d1ull, 0x9b05688c2b3e6c1full, 0x1f83d9abfb41bd6bull, 0x5be0cd19137e2179ull,
};

typedef struct {
    uint64_t s[8];
    uint8_t buffer[128];
    uint64_t bytes;
} sha512_state;

static void sha512_block(uint64_t *s, const uint8_t *in) {
    uint64_t w[16], v[8], t1, t2;
    int i, j;
    for (i = 0; i < 16; i++) w[i] = load_be64(in + 8 * i);
    memcpy(v, s, sizeof(v));
    for (i = 0; i < 80; i += 16) {
#pragma clang loop unroll(full)
        for (j = 0; j < 16; j++) {
            /* The working variables rotate by index instead of by moves: v[(7 - j) & 7] plays h in step j. */
#define V(n) v[((n) - j) & 7]
            uint64_t e = V(4), a = V(0);
            t1 = V(7) + (rotr64(e, 14) ^ rotr64(e, 18) ^ rotr64(e, 41)) + (V(6) ^ (e & (V(5) ^ V(6)))) + sha512_k[i + j] + w[j];
            t2 = (rotr64(a, 28) ^ rotr64(a, 34) ^ rotr64(a, 39)) + ((a & V(1)) | (V(2) & (a | V(1))));
            V(3) += t1;
            V(7) = t1 + t2;
#undef V
            {
                uint64_t w1 = w[(j + 1) & 15], w14 = w[(j + 14) & 15];
                w[j] += (rotr64(w1, 1) ^ rotr64(w1, 8) ^ (w1 >> 7)) + w[(j + 9) & 15] + (rotr64(w14, 19) ^ rotr64(w14, 61) ^ (w14 >> 6));
            }
        }
    }
    for (i = 0; i < 8; i++) s[i] += v[i];
}

static void sha512_init(sha512_state *h) {
    memcpy(h->s, sha512_start, sizeof(h->s));
    h->bytes = 0;
}

static void sha512_write(sha512_state *h, const uint8_t *data, size_t length) {
    size_t used = h->bytes & 127;
    h->bytes += length;
    if (used != 0) {
        size_t take = 128 - used < length ? 128 - used : length;
        memcpy(h->buffer + used, data, take);
        data += take; length -= take;
        if (used + take < 128) return;
        sha512_block(h->s, h->buffer);
    }
    for (; length >= 128; data += 128, length -= 128) sha512_block(h->s, data);
    memcpy(h->buffer, data, length);
}

static void sha512_finish(sha512_state *h, uint8_t *out) {
    size_t used = h->bytes & 127, i;
    uint64_t bits = h->bytes << 3;
    h->buffer[used++] = 0x80;
    if (used > 112) {
        memset(h->buffer + used, 0, 128 - used);
        sha512_block(h->s, h->buffer);
        used = 0;
    }
    memset(h->buffer + used, 0, 120 - used);
    store_be64(h->buffer + 120, bits);
    sha512_block(h->s, h->buffer);
    for (i = 0; i < 8; i++) store_be64(out + 8 * i, h->s[i]);
}

/* ---- SHA-256 on four lanes, for many messages of one length ---- */

typedef uint32_t lanes __attribute__((vector_size(16)));

static const uint32_t sha256_k[64] = {
    0x428a2f98u, 0x71374491u, 0xb5c0fbcfu, 0xe9b5dba5u, 0x3956c25bu, 0x59f111f1u, 0x923f82a4u, 0xab1c5ed5u,
    0xd807aa98u, 0x12835b01u, 0x243185beu, 0x550c7dc3u, 0x72be5d74u, 0x80deb1feu, 0x9bdc06a7u, 0xc19bf174u,
    0xe49b69c1u, 0xefbe4786u, 0x0fc19dc6u, 0x240ca1ccu, 0x2de92c6fu, 0x4a7484aau, 0x5cb0a9dcu, 0x76f988dau,
    0x983e5152u, 0xa831c66du, 0xb00327c8u, 0xbf597fc7u, 0xc6e00bf3u, 0xd5a79147u, 0x06ca6351u, 0x14292967u,
    0x27b70a85u, 0x2e1b2138u, 0x4d2c6dfcu, 0x53380d13u, 0x650a7354u, 0x766a0abbu, 0x81c2c92eu, 0x92722c85u,
    0xa2bfe8a1u, 0xa81a664bu, 0xc24b8b70u, 0xc76c51a3u, 0xd192e819u, 0xd6990624u, 0xf40e3585u, 0x106aa070u,
    0x19a4c116u, 0x1e376c08u, 0x2748774cu, 0x34b0bcb5u, 0x391c0cb3u, 0x4ed8aa4au, 0x5b9cca4fu, 0x682e6ff3u,
    0x748f82eeu, 0x78a5636fu, 0x84c87814u, 0x8cc70208u, 0x90befffau, 0xa4506cebu, 0xbef9a3f7u, 0xc67178f2u,
};
static const uint32_t sha256_start[8] = {
    0x6a09e667u, 0xbb67ae85u, 0x3c6ef372u, 0xa54ff53au, 0x510e527fu, 0x9b05688cu, 0x1f83d9abu, 0x5be0cd19u,
};

static inline lanes splat(uint32_t x) { return (lanes){x, x, x, x}; }
static inline lanes rotr4(lanes x, int n) { return (x >> n) | (x << (32 - n)); }

static void sha256_block4(lanes *s, lanes *w) {
    lanes v[8], t1, t2;
    int i, j;
    memcpy(v, s, sizeof(v));
    for (i = 0; i < 64; i += 16) {
#pragma clang loop unroll(full)
        for (j = 0; j < 16; j++) {
#define V(n) v[((n) - j) & 7]
            lanes e = V(4), a = V(0);
            t1 = V(7) + (rotr4(e, 6) ^ rotr4(e, 11) ^ rotr4(e, 25)) + (V(6) ^ (e & (V(5) ^ V(6)))) + splat(sha256_k[i + j]) + w[j];
            t2 = (rotr4(a, 2) ^ rotr4(a, 13) ^ rotr4(a, 22)) + ((a & V(1)) | (V(2) & (a | V(1))));
            V(3) += t1;
            V(7) = t1 + t2;
#undef V
            {
                lanes w1 = w[(j + 1) & 15], w14 = w[(j + 14) & 15];
                w[j] += (rotr4(w1, 7) ^ rotr4(w1, 18) ^ (w1 >> 3)) + w[(j + 9) & 15] + (rotr4(w14, 17) ^ rotr4(w14, 19) ^ (w14 >> 10));
            }
        }
    }
    for (i = 0; i < 8; i++) s[i] += v[i];
}

static void sha256_start4(lanes *s) {
    int i;
    for (i = 0; i < 8; i++) s[i] = splat(sha256_start[i]);
}

/* Word i of four messages that lie `stride` bytes apart. */
static inline lanes gather4(const uint8_t *p, size_t stride) {
    return (lanes){load_be32(p), load_be32(p + stride), load_be32(p + 2 * stride), load_be32(p + 3 * stride)};
}

static inline void scatter4(uint8_t *p, size_t stride, lanes v) {
    store_be32(p, v[0]); store_be32(p + stride, v[1]); store_be32(p + 2 * stride, v[2]); store_be32(p + 3 * stride, v[3]);
}

/* SHA-256 of the 32-byte digest in `s`, in place: the second half of SHA-256d. */
static void sha256_again4(lanes *s) {
    lanes w[16];
    int i;
    for (i = 0; i < 8; i++) w[i] = s[i];
    w[8] = splat(0x80000000u);
    for (i = 9; i < 15; i++) w[i] = splat(0);
    w[15] = splat(256);
    sha256_start4(s);
    sha256_block4(s, w);
}

#endif
