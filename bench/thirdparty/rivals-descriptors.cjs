// CommonJS: the ES module of @bitgo/wasm-utxo imports a .wasm file, which Node 24 refuses.
exports.bitcoinerlab = require('@bitcoinerlab/descriptors');
exports.bitgo = require('@bitgo/wasm-utxo');
