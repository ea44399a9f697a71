/** Satoshis as Core's messages write them: bitcoin with as many decimals as it takes, two at least. */
export function moneyText(value: bigint): string {
  const digits = (value < 0n ? -value : value).toString().padStart(9, '0');
  const fraction = digits.slice(-8).replace(/0{1,6}$/, '');
  return `${value < 0n ? '-' : ''}${digits.slice(0, -8)}.${fraction}`;
}

/** What a size costs at a rate, rounded up as Core does; sat/kvB and virtual bytes. */
export function feeAt(rate: bigint, sizeVb: number): bigint {
  return (rate * BigInt(sizeVb) + 999n) / 1_000n;
}

/** A fee rate as Core's messages write it: BTC/kvB, rounded down. */
export function rateText(fee: bigint, sizeVb: number): string {
  const rate = sizeVb > 0 ? floorDivide(fee * 1_000n, BigInt(sizeVb)) : 0n;
  const whole = rate / 100_000_000n;
  const rest = rate % 100_000_000n;
  return `${whole}.${(rest < 0n ? -rest : rest).toString().padStart(8, '0')} BTC/kvB`;
}

function floorDivide(value: bigint, by: bigint): bigint {
  const quotient = value / by;
  return value < 0n && quotient * by !== value ? quotient - 1n : quotient;
}
