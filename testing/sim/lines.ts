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
    return path.endsWith('.zst')
      ? Buffer.concat([...zstdFrames(content)].map((frame) => zstdDecompressSync(frame)))
      : content;
  } catch {
    return undefined;
  }
}

/** The frames of a file, one after the other (RFC 8878, 3.1.1): Node's synchronous call would read the first and drop the rest. */
function* zstdFrames(content: Buffer): Iterable<Buffer> {
  for (let at = 0; at < content.length; ) {
    const end = frameEnd(content, at);
    yield content.subarray(at, end);
    at = end;
  }
}

function frameEnd(content: Buffer, start: number): number {
  const descriptor = content.readUInt8(start + 4);
  const isSingleSegment = (descriptor & 0x20) !== 0;
  const windowBytes = isSingleSegment ? 0 : 1;
  const dictionaryIdBytes = [0, 1, 2, 4][descriptor & 3] as number;
  const sizeBytes = [isSingleSegment ? 1 : 0, 2, 4, 8][descriptor >> 6] as number;
  let at = start + 5 + windowBytes + dictionaryIdBytes + sizeBytes;
  for (;;) {
    const block = content.readUIntLE(at, 3);
    const isRepeated = ((block >> 1) & 3) === 1;
    at += 3 + (isRepeated ? 1 : block >> 3);
    if ((block & 1) !== 0) break;
  }
  const hasChecksum = (descriptor & 4) !== 0;
  return at + (hasChecksum ? 4 : 0);
}
