/** What the process that owns the module is asked, and what it answers. */

/** Which token of a module. */
export type TokenChoice = { readonly label: string } | { readonly slot: number };

/** A token that is there. */
export interface TokenRecord {
  readonly slot: number;
  readonly label: string;
  readonly manufacturer: string;
  readonly model: string;
  readonly serialNumber: string;
}

/** A key in a token. */
export interface TokenKeyRecord {
  readonly label: string;
  readonly id: Uint8Array;
  /** 33 bytes. */
  readonly publicKey: Uint8Array;
}

/** How a token seals: what it offers, best first. */
export type SealMechanism = 'aes-gcm' | 'aes-cbc-pad';

/** A secret that only a token can open, as its process hands it around. */
export interface SealedRecord {
  readonly kind: 'key' | 'master';
  /** 33 bytes. */
  readonly publicKey: Uint8Array;
  /** Label of the key of the token that sealed it. */
  readonly wrappingKey: string;
  readonly mechanism: SealMechanism;
  readonly iv: Uint8Array;
  readonly sealed: Uint8Array;
}

/** One signature that is wanted. */
export interface SignItem {
  readonly scheme: 'ecdsa' | 'schnorr';
  readonly digest: Uint8Array;
  readonly tweak?: Uint8Array;
  /** Whether the key was named by its x coordinate alone: then it stands for the one with an even y. */
  readonly isXOnly: boolean;
  /** 33 bytes of a key in the token, or a sealed one and the steps below it. */
  readonly key: Uint8Array | { readonly sealed: SealedRecord; readonly path: readonly number[] };
}

/** One request; they are answered one after the other. */
export type TokenRequest =
  | { readonly call: 'open'; readonly module: string; readonly token: TokenChoice }
  | { readonly call: 'tokens'; readonly module: string }
  /** The PIN is overwritten after its use. */
  | { readonly call: 'login'; readonly pin: Uint8Array }
  | { readonly call: 'logout' }
  | { readonly call: 'closeSessions' }
  | { readonly call: 'keys' }
  | { readonly call: 'generate'; readonly label: string; readonly id: Uint8Array }
  | { readonly call: 'import'; readonly label: string; readonly id: Uint8Array; readonly secretKey: Uint8Array }
  | { readonly call: 'wrappingKey'; readonly label: string }
  /** A secret of 32 bytes, 64 of a master key; the token makes one when absent. */
  | {
      readonly call: 'seal';
      readonly kind: 'key' | 'master';
      readonly wrappingKey: string;
      readonly mechanism?: SealMechanism;
      readonly secret?: Uint8Array;
    }
  | { readonly call: 'derive'; readonly sealed: SealedRecord; readonly paths: readonly (readonly number[])[] }
  | { readonly call: 'sign'; readonly items: readonly SignItem[] };

/** What each request answers. */
export interface TokenAnswers {
  readonly open: undefined;
  readonly tokens: readonly TokenRecord[];
  readonly login: undefined;
  readonly logout: undefined;
  readonly closeSessions: undefined;
  readonly keys: readonly TokenKeyRecord[];
  readonly generate: TokenKeyRecord;
  readonly import: TokenKeyRecord;
  readonly wrappingKey: undefined;
  readonly seal: SealedRecord;
  /** 33 bytes each. */
  readonly derive: readonly Uint8Array[];
  /** 64 bytes each. */
  readonly sign: readonly Uint8Array[];
}

/** Why a request failed, as plain data; nothing secret can be in it. */
export type TokenFault =
  | { readonly kind: 'login-needed' }
  | { readonly kind: 'pin'; readonly isLocked: boolean }
  | { readonly kind: 'gone'; readonly reason: string }
  | { readonly kind: 'failed'; readonly call: string; readonly code: number; readonly name: string }
  | { readonly kind: 'key-unknown'; readonly key: string }
  | { readonly kind: 'answer'; readonly reason: string };

/** A fault on its way up to the answer. */
export class TokenError extends Error {
  override readonly name: string = 'TokenError';
  readonly fault: TokenFault;

  constructor(fault: TokenFault) {
    super(fault.kind);
    this.fault = fault;
  }
}

/** Number of the first message of the process: that it runs. */
export const READY = 0;

/** From the wallet to the process. */
export interface RequestMessage {
  readonly number: number;
  readonly request: TokenRequest;
}

/** From the process to the wallet. */
export type AnswerMessage =
  | { readonly number: number; readonly ok: true; readonly answer: unknown }
  | { readonly number: number; readonly ok: false; readonly fault: TokenFault };
