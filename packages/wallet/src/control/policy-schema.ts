import { z } from 'zod';
import type { ApprovalPolicy } from './policy-model.ts';

const MOST = 1_000;
const text = z.string().min(1).max(255);
const texts = z.array(text).min(1).max(MOST);
/** Satoshis or wei as decimal digits: JSON has no numbers that large. */
const amount = z
  .string()
  .regex(/^(0|[1-9]\d{0,77})$/, 'an amount in decimal digits')
  .transform((digits) => BigInt(digits));
const hex = z.string().regex(/^([0-9a-f]{2}){32,91}$/, 'bytes in lower-case hexadecimal digits');
const count = z.number().int().min(1).max(MOST);
const seconds = z
  .number()
  .int()
  .min(0)
  .max(366 * 86_400);
const clockTime = z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$|^24:00$/, 'a time such as 08:30');
const timeZone = text.refine(isTimeZone, 'a time zone such as Europe/Berlin or UTC');

const who = z.strictObject({ actors: texts.optional(), roles: texts.optional() });
const approvers = z.strictObject({ ...who.shape, count });
const window = z.strictObject({ from: amount.optional(), to: amount.optional() });
const condition = z.strictObject({
  chains: texts.optional(),
  assets: texts.optional(),
  initiators: who.optional(),
  amount: window.optional(),
  fee: window.optional(),
  to: z.strictObject({ addresses: texts.optional(), lists: texts.optional() }).optional(),
  time: z
    .strictObject({
      days: z
        .array(z.enum(['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun']))
        .min(1)
        .max(7)
        .optional(),
      from: clockTime.optional(),
      to: clockTime.optional(),
      timeZone: timeZone.default('UTC'),
    })
    .optional(),
});
const limit = z
  .strictObject({
    per: z.enum(['rule', 'initiator', 'wallet']),
    windowSeconds: seconds.min(1),
    amount: amount.optional(),
    count: count.optional(),
  })
  .refine((given) => given.amount !== undefined || given.count !== undefined, 'an amount or a count');
const consent = z.strictObject({
  approvals: z.array(approvers).min(1).max(MOST),
  fourEyes: z.boolean().default(true),
  delaySeconds: seconds.default(0),
  expirySeconds: seconds.min(1).default(7 * 86_400),
});
const rule = z.strictObject({
  name: text,
  when: condition.default({}),
  limits: z.array(limit).max(MOST).default([]),
  effect: z.union([z.literal('allow'), z.literal('deny'), consent]),
});
const actor = z.strictObject({
  id: text,
  roles: z.array(text).max(MOST).default([]),
  key: z
    .strictObject({
      algorithm: z.enum(['ed25519', 'ecdsa-p256-sha256', 'ecdsa-secp256k1-sha256', 'schnorr-secp256k1']),
      publicKey: hex,
    })
    .optional(),
});
/** The form of an approval policy in JSON. */
export const policySchema: z.ZodType<ApprovalPolicy> = z.strictObject({
  version: z.literal(1),
  actors: z.array(actor).min(1).max(MOST),
  lists: z.record(text, z.array(text).max(100_000)).default({}),
  rules: z.array(rule).min(1).max(MOST),
  administration: consent.optional(),
});

function isTimeZone(name: string): boolean {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name }).format(0) !== '';
  } catch {
    return false;
  }
}
