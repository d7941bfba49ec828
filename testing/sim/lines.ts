import type { OnLine } from '../ledger/lines.ts';

/** Calls `onLine` for every line of a file that is in memory. */
export function eachLine(bytes: Buffer, onLine: OnLine): void {
  let start = 0;
  for (let end = bytes.indexOf(10); end !== -1; end = bytes.indexOf(10, start)) {
    onLine(bytes, start, end, true);
    start = end + 1;
  }
  if (start < bytes.length) onLine(bytes, start, bytes.length, false);
}
