export {
  ed25519PublicKey,
  ed25519Sign,
  ed25519Verify,
  type Ed25519Rule,
  type Ed25519VerifyOptions,
  isEd25519PublicKey,
} from './ed25519.ts';
