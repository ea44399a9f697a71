/* The crate's renaming of symbols also hit the name of this header. */
#include "src/wycheproof/ecdsa_secp256k1_sha256_bitcoin_test.h"
