export * as libauth from '@bitauth/libauth';
export * as hashWasm from 'hash-wasm';
export * as tiny from 'tiny-secp256k1';
