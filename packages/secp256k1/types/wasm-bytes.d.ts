/** The bytes of the compiled module, decoded at each call. */
export declare function wasm(): Uint8Array<ArrayBuffer>;
