// CommonJS, as the package is.
exports.boltz = require('boltz-core').Musig;
