/* The three functions of a C library that upstream needs. Small copies are the rule here, and for those a loop of
 * vectors beats WebAssembly's bulk instructions, which leave compiled code. */
#ifndef BE_MEMORY_H
#define BE_MEMORY_H

#include <stddef.h>

typedef long long be_vector __attribute__((vector_size(16), aligned(1)));

__attribute__((no_builtin)) void *memcpy(void *restrict to, const void *restrict from, size_t n) {
    unsigned char *d = to;
    const unsigned char *s = from;
    for (; n >= 16; n -= 16, d += 16, s += 16) *(be_vector *)d = *(const be_vector *)s;
    for (; n > 0; n--) *d++ = *s++;
    return to;
}

__attribute__((no_builtin)) void *memset(void *to, int value, size_t n) {
    unsigned char *d = to;
    const long long eight = (long long)(0x0101010101010101ull * (unsigned char)value);
    for (; n >= 16; n -= 16, d += 16) *(be_vector *)d = (be_vector){eight, eight};
    for (; n > 0; n--) *d++ = (unsigned char)value;
    return to;
}

__attribute__((no_builtin)) int memcmp(const void *a, const void *b, size_t n) {
    const unsigned char *p = a, *q = b;
    for (; n > 0; n--, p++, q++) {
        if (*p != *q) return *p < *q ? -1 : 1;
    }
    return 0;
}

#endif
