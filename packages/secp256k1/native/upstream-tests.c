/* Upstream's test program with its tables, as one translation unit.
 *
 * The crate leaves out the functions that allocate on a heap; the tests want them, so they are here, over the
 * preallocated ones. */
#define SECP256K1_BUILD
#include "include/secp256k1.h"
#include <stdlib.h>

#define S(name) rustsecp256k1_v0_14_##name

typedef struct S(scratch_space_struct) be_scratch;
S(context) *S(context_create)(unsigned int flags);
S(context) *S(context_clone)(const S(context) *ctx);
void S(context_destroy)(S(context) *ctx);
be_scratch *S(scratch_space_create)(const S(context) *ctx, size_t size);
void S(scratch_space_destroy)(const S(context) *ctx, be_scratch *scratch);

#include "src/util.h"
/* The crate makes this one answer NULL always. */
#define checked_malloc(callback, size) ((void)(callback), malloc(size))
#include "src/scratch.h"
static S(scratch) *S(scratch_create)(const S(callback) *error_callback, size_t size);
static void S(scratch_destroy)(const S(callback) *error_callback, S(scratch) *scratch);

#include "src/tests.c"
#include "src/precomputed_ecmult.c"
#include "src/precomputed_ecmult_gen.c"

/* The tables use the same letter for a macro of their own. */
#undef S
#define S(name) rustsecp256k1_v0_14_##name

S(context) *S(context_create)(unsigned int flags) {
    const size_t size = S(context_preallocated_size)(flags);
    void *memory = size == 0 ? NULL : malloc(size);
    S(context) *ctx = memory == NULL ? NULL : S(context_preallocated_create)(memory, flags);
    if (ctx == NULL) free(memory);
    return ctx;
}

S(context) *S(context_clone)(const S(context) *ctx) {
    void *memory;
    ARG_CHECK(S(context_is_proper)(ctx));
    memory = malloc(S(context_preallocated_clone_size)(ctx));
    return memory == NULL ? NULL : S(context_preallocated_clone)(ctx, memory);
}

void S(context_destroy)(S(context) *ctx) {
    ARG_CHECK_VOID(ctx == NULL || S(context_is_proper)(ctx));
    if (ctx == NULL) return;
    S(context_preallocated_destroy)(ctx);
    free(ctx);
}

static S(scratch) *S(scratch_create)(const S(callback) *error_callback, size_t size) {
    const size_t header = ROUND_TO_ALIGN(sizeof(S(scratch)));
    S(scratch) *scratch = checked_malloc(error_callback, header + size);

    if (scratch == NULL) return NULL;
    memset(scratch, 0, sizeof(*scratch));
    memcpy(scratch->magic, "scratch", 8);
    scratch->data = (char *)scratch + header;
    scratch->max_size = size;
    return scratch;
}

static void S(scratch_destroy)(const S(callback) *error_callback, S(scratch) *scratch) {
    if (scratch == NULL) return;
    if (memcmp(scratch->magic, "scratch", 8) != 0) {
        S(callback_call)(error_callback, "invalid scratch space");
        return;
    }
    VERIFY_CHECK(scratch->alloc_size == 0);
    memset(scratch->magic, 0, sizeof(scratch->magic));
    free(scratch);
}

be_scratch *S(scratch_space_create)(const S(context) *ctx, size_t size) { return S(scratch_create)(&ctx->error_callback, size); }
void S(scratch_space_destroy)(const S(context) *ctx, be_scratch *scratch) { S(scratch_destroy)(&ctx->error_callback, scratch); }
