/**
 * The process that owns a PKCS#11 module: whatever the module does, hang or crash, it does it here. It answers the one
 * that started it, and ends with it.
 */
import { loadCrypto } from '@bitcoin-enterprise/core';
import {
  type AnswerMessage,
  READY,
  type RequestMessage,
  TokenError,
  type TokenFault,
  type TokenRequest,
} from './protocol.ts';
import { PIN_LOCKED, PIN_WRONG, Pkcs11Failure, returnName, SESSION_LOST, TOKEN_LOST } from './return-values.ts';
import { Token } from './token.ts';

const GONE = { kind: 'gone', reason: 'the token is not there' } as const satisfies TokenFault;
let token: Token | undefined;
const loaded = loadCrypto();

// One after the other: a session of PKCS#11 has one operation at a time.
let last: Promise<unknown> = loaded.then(() => process.send?.({ number: READY, ok: true, answer: undefined }));
process.on('message', ({ number, request }: RequestMessage) => {
  last = last.then(() => answer(number, request));
});
// Without goodbye: a call that hangs would not let it go, and sessions end with their process.
process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'));

async function answer(number: number, request: TokenRequest): Promise<void> {
  const message: AnswerMessage = await perform(request).then(
    (result) => ({ number, ok: true, answer: result }),
    (error: unknown) => ({ number, ok: false, fault: faultOf(error) }),
  );
  for (const secret of secretsOf(request)) secret.fill(0);
  process.send?.(message);
}

function secretsOf(request: TokenRequest): readonly Uint8Array[] {
  if (request.call === 'import') return [request.secretKey];
  return request.call === 'seal' && request.secret !== undefined ? [request.secret] : [];
}

/** Performs a request; once more in another session when the one it had is lost. */
async function perform(request: TokenRequest): Promise<unknown> {
  if (request.call === 'open') {
    token = await Token.open(request.module, request.token);
    return undefined;
  }
  if (request.call === 'tokens') return Token.list(request.module);
  if (token === undefined) throw new TokenError(GONE);
  try {
    return await performOn(token, request);
  } catch (error) {
    if (!(error instanceof Pkcs11Failure)) throw error;
    if (TOKEN_LOST.has(error.returned)) token.forget();
    if (!SESSION_LOST.has(error.returned) || request.call === 'login' || request.call === 'logout') throw error;
    // A module that answered so has done nothing; a PIN that is needed again is asked for by the caller.
    token.forget();
    return performOn(token, request);
  }
}

function performOn(
  open: Token,
  request: Exclude<TokenRequest, { readonly call: 'open' | 'tokens' }>,
): Promise<unknown> {
  switch (request.call) {
    case 'login':
      return open.login(request.pin);
    case 'logout':
      return open.logout();
    case 'closeSessions':
      return open.closeSessions();
    case 'keys':
      return open.keys();
    case 'generate':
      return open.generate(request.label, request.id);
    case 'import':
      return open.importKey(request.label, request.id, request.secretKey);
    case 'wrappingKey':
      return open.makeWrappingKey(request.label);
    case 'seal':
      return open.seal(request);
    case 'derive':
      return open.derive(request.sealed, request.paths);
    case 'sign':
      return open.sign(request.items);
  }
}

/** A fault as data. What is not expected keeps its text for itself: it may hold anything. */
function faultOf(error: unknown): TokenFault {
  if (error instanceof TokenError) return error.fault;
  if (!(error instanceof Pkcs11Failure)) return { kind: 'gone', reason: 'its process failed' };
  const { call, returned } = error;
  if (PIN_WRONG.has(returned)) return { kind: 'pin', isLocked: false };
  if (returned === PIN_LOCKED) return { kind: 'pin', isLocked: true };
  if (TOKEN_LOST.has(returned)) return { ...GONE, reason: `${call} says ${returnName(returned)}` };
  return { kind: 'failed', call, code: returned, name: returnName(returned) };
}
