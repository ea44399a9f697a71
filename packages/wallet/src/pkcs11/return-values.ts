/** Return values of PKCS#11 (version 2.40, pkcs11t.h) by number. */
const NAMES: Readonly<Record<number, string>> = {
  0x00: 'CKR_OK',
  0x01: 'CKR_CANCEL',
  0x02: 'CKR_HOST_MEMORY',
  0x03: 'CKR_SLOT_ID_INVALID',
  0x05: 'CKR_GENERAL_ERROR',
  0x06: 'CKR_FUNCTION_FAILED',
  0x07: 'CKR_ARGUMENTS_BAD',
  0x08: 'CKR_NO_EVENT',
  0x09: 'CKR_NEED_TO_CREATE_THREADS',
  0x0a: 'CKR_CANT_LOCK',
  0x10: 'CKR_ATTRIBUTE_READ_ONLY',
  0x11: 'CKR_ATTRIBUTE_SENSITIVE',
  0x12: 'CKR_ATTRIBUTE_TYPE_INVALID',
  0x13: 'CKR_ATTRIBUTE_VALUE_INVALID',
  0x1b: 'CKR_ACTION_PROHIBITED',
  0x20: 'CKR_DATA_INVALID',
  0x21: 'CKR_DATA_LEN_RANGE',
  0x30: 'CKR_DEVICE_ERROR',
  0x31: 'CKR_DEVICE_MEMORY',
  0x32: 'CKR_DEVICE_REMOVED',
  0x40: 'CKR_ENCRYPTED_DATA_INVALID',
  0x41: 'CKR_ENCRYPTED_DATA_LEN_RANGE',
  0x50: 'CKR_FUNCTION_CANCELED',
  0x51: 'CKR_FUNCTION_NOT_PARALLEL',
  0x54: 'CKR_FUNCTION_NOT_SUPPORTED',
  0x60: 'CKR_KEY_HANDLE_INVALID',
  0x62: 'CKR_KEY_SIZE_RANGE',
  0x63: 'CKR_KEY_TYPE_INCONSISTENT',
  0x64: 'CKR_KEY_NOT_NEEDED',
  0x65: 'CKR_KEY_CHANGED',
  0x66: 'CKR_KEY_NEEDED',
  0x67: 'CKR_KEY_INDIGESTIBLE',
  0x68: 'CKR_KEY_FUNCTION_NOT_PERMITTED',
  0x69: 'CKR_KEY_NOT_WRAPPABLE',
  0x6a: 'CKR_KEY_UNEXTRACTABLE',
  0x70: 'CKR_MECHANISM_INVALID',
  0x71: 'CKR_MECHANISM_PARAM_INVALID',
  0x82: 'CKR_OBJECT_HANDLE_INVALID',
  0x90: 'CKR_OPERATION_ACTIVE',
  0x91: 'CKR_OPERATION_NOT_INITIALIZED',
  0xa0: 'CKR_PIN_INCORRECT',
  0xa1: 'CKR_PIN_INVALID',
  0xa2: 'CKR_PIN_LEN_RANGE',
  0xa3: 'CKR_PIN_EXPIRED',
  0xa4: 'CKR_PIN_LOCKED',
  0xb0: 'CKR_SESSION_CLOSED',
  0xb1: 'CKR_SESSION_COUNT',
  0xb3: 'CKR_SESSION_HANDLE_INVALID',
  0xb4: 'CKR_SESSION_PARALLEL_NOT_SUPPORTED',
  0xb5: 'CKR_SESSION_READ_ONLY',
  0xb6: 'CKR_SESSION_EXISTS',
  0xb7: 'CKR_SESSION_READ_ONLY_EXISTS',
  0xb8: 'CKR_SESSION_READ_WRITE_SO_EXISTS',
  0xc0: 'CKR_SIGNATURE_INVALID',
  0xc1: 'CKR_SIGNATURE_LEN_RANGE',
  0xd0: 'CKR_TEMPLATE_INCOMPLETE',
  0xd1: 'CKR_TEMPLATE_INCONSISTENT',
  0xe0: 'CKR_TOKEN_NOT_PRESENT',
  0xe1: 'CKR_TOKEN_NOT_RECOGNIZED',
  0xe2: 'CKR_TOKEN_WRITE_PROTECTED',
  0xf0: 'CKR_UNWRAPPING_KEY_HANDLE_INVALID',
  0x100: 'CKR_USER_ALREADY_LOGGED_IN',
  0x101: 'CKR_USER_NOT_LOGGED_IN',
  0x102: 'CKR_USER_PIN_NOT_INITIALIZED',
  0x103: 'CKR_USER_TYPE_INVALID',
  0x104: 'CKR_USER_ANOTHER_ALREADY_LOGGED_IN',
  0x105: 'CKR_USER_TOO_MANY_TYPES',
  0x120: 'CKR_RANDOM_SEED_NOT_SUPPORTED',
  0x121: 'CKR_RANDOM_NO_RNG',
  0x130: 'CKR_DOMAIN_PARAMS_INVALID',
  0x140: 'CKR_CURVE_NOT_SUPPORTED',
  0x150: 'CKR_BUFFER_TOO_SMALL',
  0x170: 'CKR_INFORMATION_SENSITIVE',
  0x190: 'CKR_CRYPTOKI_NOT_INITIALIZED',
  0x191: 'CKR_CRYPTOKI_ALREADY_INITIALIZED',
  0x200: 'CKR_FUNCTION_REJECTED',
};

/** A return value of a call to a module that is not CKR_OK. */
export class Pkcs11Failure extends Error {
  override readonly name: string = 'Pkcs11Failure';
  /** The function: `C_Sign`. */
  readonly call: string;
  /** What it returned. */
  readonly returned: number;

  constructor(call: string, returned: number) {
    super(`${call} returned ${returnName(returned)}`);
    this.call = call;
    this.returned = returned;
  }
}

/** Name of a return value; vendors have numbers of their own. */
export function returnName(returned: number): string {
  return NAMES[returned] ?? `0x${returned.toString(16)}`;
}

/** CKR_USER_ALREADY_LOGGED_IN. */
export const ALREADY_LOGGED_IN = 0x100;
/** CKR_USER_NOT_LOGGED_IN. */
export const NOT_LOGGED_IN = 0x101;

/** PINs that do not fit, whatever the token finds wrong with them. */
export const PIN_WRONG: ReadonlySet<number> = /* @__PURE__ */ new Set([0xa0, 0xa1, 0xa2]);
/** CKR_PIN_LOCKED. */
export const PIN_LOCKED = 0xa4;
/** The session is gone, or what it knew: another one is opened. */
export const SESSION_LOST: ReadonlySet<number> = /* @__PURE__ */ new Set([0x60, 0x82, 0x90, 0xb0, 0xb3, NOT_LOGGED_IN]);
/** The token is gone, or out of order. */
export const TOKEN_LOST: ReadonlySet<number> = /* @__PURE__ */ new Set([0x03, 0x30, 0x32, 0xe0, 0xe1]);
