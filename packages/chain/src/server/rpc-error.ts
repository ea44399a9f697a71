/** Core's error numbers (rpc/protocol.h). */
export const RpcCode = {
  INVALID_REQUEST: -32_600,
  METHOD_NOT_FOUND: -32_601,
  INVALID_PARAMS: -32_602,
  PARSE_ERROR: -32_700,
  MISC: -1,
  TYPE: -3,
  NOT_FOUND: -5,
  INVALID_PARAMETER: -8,
  DESERIALIZATION: -22,
  VERIFY: -25,
  VERIFY_REJECTED: -26,
  VERIFY_ALREADY_IN_UTXO_SET: -27,
  IN_WARMUP: -28,
  CLIENT_NODE_ALREADY_ADDED: -23,
  CLIENT_NODE_NOT_CONNECTED: -29,
} as const;

/** An error as a caller of the RPC gets it; it never leaves the server in another form. */
export class RpcError extends Error {
  override readonly name = 'RpcError';
  /** One of {@link RpcCode}. */
  readonly code: number;

  constructor(code: number, message: string) {
    super(message);
    this.code = code;
  }
}
