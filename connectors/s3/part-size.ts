const MIB = 1024 * 1024;

/** S3 refuses smaller parts, except for the last one of a file. */
export const PART_BYTES_MIN = 5 * MIB;
/** S3 takes 10,000; the rest is kept for parts that another incarnation may have to add to a file. */
export const PARTS_MAX = 9_000;
const PARTS_PER_STEP = 1_000;

/**
 * How large part `number` (from 1) of a file is: every thousand parts are larger by the first size, so that short files need
 * little memory and long ones few parts.
 */
export function partBytesAt(number: number, partBytesFirst: number): number {
  return partBytesFirst * (1 + Math.floor((number - 1) / PARTS_PER_STEP));
}

/** What fits into a file whose parts begin as small as they may. */
export const FILE_BYTES_MAX = 128 * 1024 * MIB;
