export { isSecretName, redact, REDACTED } from './redaction.ts';
