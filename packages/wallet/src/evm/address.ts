import { invalidArgument } from '../errors.ts';
import { checksumAddress } from '../keys/evm.ts';

/** Throws unless a value is an address; a checksum that it has must hold. */
export function requireAddress(argument: string, value: unknown): string {
  if (typeof value !== 'string' || !/^0x[0-9a-fA-F]{40}$/.test(value))
    throw invalidArgument(argument, '0x and 40 hexadecimal digits', value);
  const digits = value.slice(2);
  const hasChecksum = digits !== digits.toLowerCase() && digits !== digits.toUpperCase();
  if (hasChecksum && checksumAddress(value) !== value)
    throw invalidArgument(argument, 'an address whose checksum holds (EIP-55)', value);
  return value;
}
