import { gunzipSync, zstdDecompressSync } from 'node:zlib';
import type { OnLine } from '../ledger/lines.ts';

/** Calls `onLine` for every line of a file that is in memory; `path` says how it is compressed. */
export function eachLine(path: string, content: Buffer, onLine: OnLine): void {
  const bytes = decompressed(path, content);
  if (bytes === undefined) {
    onLine(content, 0, content.length, false);
    return;
  }
  let start = 0;
  for (let end = bytes.indexOf(10); end !== -1; end = bytes.indexOf(10, start)) {
    onLine(bytes, start, end, true);
    start = end + 1;
  }
  if (start < bytes.length) onLine(bytes, start, bytes.length, false);
}

/** Undefined for what is not whole. */
function decompressed(path: string, content: Buffer): Buffer | undefined {
  try {
    if (path.endsWith('.gz')) return gunzipSync(content);
    return path.endsWith('.zst') ? zstdDecompressSync(content) : content;
  } catch {
    return undefined;
  }
}
