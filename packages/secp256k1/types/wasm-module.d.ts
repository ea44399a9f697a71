/** The compiled module, as bundlers for Workers import `.wasm` files. */
declare const module: WebAssembly.Module;
export default module;
