// CommonJS, as the package is.
exports.loadZkp = require('@vulpemventures/secp256k1-zkp').default;
