import type { RowType, RowValue } from '../row-schema.ts';

type Bound = boolean | number | bigint | Uint8Array;

/** The smallest and the largest value of a chunk, in the order that readers use: byte arrays by their bytes. */
export class Bounds {
  #min: Bound | undefined;
  #max: Bound | undefined;

  get min(): Bound | undefined {
    return this.#min === 0 ? -0 : this.#min;
  }

  get max(): Bound | undefined {
    return this.#max === 0 ? 0 : this.#max;
  }

  /** Takes a number, bigint or boolean in. NaN is in no order. */
  see(value: boolean | number | bigint): void {
    if (Number.isNaN(value)) return;
    if (this.#min === undefined || value < this.#min) this.#min = value;
    if (this.#max === undefined || value > this.#max) this.#max = value;
  }

  /** Takes the bytes in that lie from `start` to `end`. */
  seeBytes(bytes: Buffer, start: number, end: number): void {
    if (this.#min === undefined || order(bytes, start, end, this.#min as Uint8Array) < 0)
      this.#min = new Uint8Array(bytes.subarray(start, end));
    if (this.#max === undefined || order(bytes, start, end, this.#max as Uint8Array) > 0)
      this.#max = new Uint8Array(bytes.subarray(start, end));
  }

  clear(): void {
    this.#min = undefined;
    this.#max = undefined;
  }
}

/** Below 0, if the bytes from `start` to `end` come before the others. */
function order(bytes: Buffer, start: number, end: number, other: Uint8Array): number {
  const length = Math.min(end - start, other.length);
  for (let i = 0; i < length; i++) {
    const difference = (bytes[start + i] as number) - (other[i] as number);
    if (difference !== 0) return difference;
  }
  return end - start - other.length;
}

/** Whether a type has bounds worth keeping: those of JSON would be whole texts, since a part of one is none. */
export function hasBounds({ kind }: RowType): boolean {
  return kind !== 'json';
}

/** Whether values of the type are ordered by their bytes. */
export function isOrderedByBytes({ kind }: RowType): boolean {
  return kind === 'string' || kind === 'bytes';
}

export type Ordered = Exclude<RowValue, null | string | Uint8Array | readonly RowValue[]>;
