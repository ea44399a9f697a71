/** Numbers modulo a prime; every argument and result is 0 to order-1 unless it says otherwise. */
export interface Field {
  /** The prime. */
  readonly order: bigint;
  /** Any whole number, reduced. */
  reduce(value: bigint): bigint;
  /** Product. */
  multiply(left: bigint, right: bigint): bigint;
  /** Inverse of a number that is not zero. */
  invert(value: bigint): bigint;
  /** Power of a number, the exponent 0 or more. */
  power(base: bigint, exponent: bigint): bigint;
}

/** Makes the arithmetic of a prime, in variable time. */
export function createField(order: bigint): Field {
  const reduce = (value: bigint): bigint => {
    const rest = value % order;
    return rest < 0n ? rest + order : rest;
  };
  return {
    order,
    reduce,
    multiply: (left, right) => (left * right) % order,
    invert(value) {
      // Extended Euclid: the remainder `a` is `x*value` at every step.
      let [a, b, x, u] = [reduce(value), order, 1n, 0n];
      while (a > 1n) {
        const quotient = b / a;
        [a, b, x, u] = [b - quotient * a, a, u - quotient * x, x];
      }
      return a === 0n ? 0n : reduce(x);
    },
    power(base, exponent) {
      let [result, square] = [1n, reduce(base)];
      for (let rest = exponent; rest > 0n; rest >>= 1n) {
        if (rest & 1n) result = (result * square) % order;
        square = (square * square) % order;
      }
      return result;
    },
  };
}

/** `base^first`, `base^(first+1)`…, `count` of them. */
export function powersOf(
  field: Field,
  base: bigint,
  options: { readonly first: bigint; readonly count: number },
): bigint[] {
  const powers: bigint[] = [];
  for (let power = options.first; powers.length < options.count; power = field.multiply(power, base))
    powers.push(power);
  return powers;
}

/** Inverses of numbers that are not zero, for the price of one. */
export function invertAll(field: Field, values: readonly bigint[]): bigint[] {
  const products: bigint[] = [];
  let product = 1n;
  for (const value of values) {
    products.push(product);
    product = field.multiply(product, value);
  }
  let rest = field.invert(product);
  const inverses = [...values];
  for (let i = values.length - 1; i >= 0; i--) {
    inverses[i] = field.multiply(rest, products[i] as bigint);
    rest = field.multiply(rest, values[i] as bigint);
  }
  return inverses;
}
