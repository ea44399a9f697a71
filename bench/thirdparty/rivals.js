export * as libauth from '@bitauth/libauth';
export * as bitcoinjs from 'bitcoinjs-lib';
export { default as bitcore } from 'bitcore-lib';
export * as hashWasm from 'hash-wasm';
export * as tiny from 'tiny-secp256k1';
