// bitcoinjs-lib and tiny-secp256k1 as its users put them together, and @scure/btc-signer.
exports.bitcoinjs = require('bitcoinjs-lib');
exports.ecc = require('tiny-secp256k1');
exports.scure = require('@scure/btc-signer');
