// The cheapest loop this runtime allows: fetch, check CRC, walk, move the lines together inside the receive buffer, write.
// No library, no guarantees, no newline check, uncompressed batches of one broker only. What the engine adds is measured against it.
// usage: bare.ts <host:port> <topic> <records> <output file> <partitions> [fetch|crc|walk|copy|write]
import { closeSync, fsyncSync, openSync, write } from 'node:fs';
import { crc32c } from '@node-rs/crc32';
import { Meter } from '../meter.ts';
import { BareConnection, type FetchedPartition } from './bare-connection.ts';

const STAGES = ['fetch', 'crc', 'walk', 'copy', 'write'] as const;
const BATCH_HEADER_BYTES = 61;
const WRITE_BYTES = 256 * 1024;
const NEWLINE = 10;

const [broker = '', topic = '', recordsText, path = '', partitionsText, stageText = 'write'] = process.argv.slice(2);
const recordsWanted = Number(recordsText);
const depth = STAGES.indexOf(stageText as (typeof STAGES)[number]);
if (depth < 0) throw new Error(`no such stage: ${stageText} (${STAGES.join(', ')})`);
const does = (stage: (typeof STAGES)[number]) => depth >= STAGES.indexOf(stage);
const [checks, walks, copies, writes] = [does('crc'), does('walk'), does('copy'), does('write')];

/** Where `varint` stopped reading. */
let varintEnd = 0;

const meter = new Meter();
const connection = await BareConnection.open(broker);
const offsets = Array.from({ length: Number(partitionsText) }, () => 0);
const order = [...offsets.keys()];
const file = openSync(path, 'w');
let fileBytes = 0;
let writing: Promise<void> = Promise.resolve();
let records = 0;

let next = fetchNext();
while (records < recordsWanted) {
  const frame = await next;
  meter.batch();
  for (const partition of frame.partitions) skipTo(partition);
  next = fetchNext(); // the headers have said where to go on, so the broker works while this frame is packed
  const { start, end } = pack(frame.bytes, frame.partitions);
  const before = writing;
  const at = fileBytes;
  fileBytes += end - start;
  writing = (async () => {
    if (writes) await writeAll(frame.bytes, start, end, at);
    connection.recycle(frame.bytes);
  })();
  await before; // two frames of lines under way at most
}
await writing;
fsyncSync(file);
closeSync(file);
meter.done({ records, bytes: fileBytes });
process.exit(0); // the last fetch still waits at the broker

function fetchNext() {
  const request = connection.fetch(
    topic,
    order.map((partition) => ({ partition, offset: offsets[partition] as number })),
  );
  order.push(order.shift() as number);
  return request;
}

function skipTo({ partition, bytes, start, end }: FetchedPartition): void {
  for (let at = start; at + BATCH_HEADER_BYTES <= end; at = batchEnd(bytes, at)) {
    if (batchEnd(bytes, at) > end) break;
    offsets[partition] = Number(bytes.readBigInt64BE(at)) + bytes.readInt32BE(at + 23) + 1;
    if (!walks) records += bytes.readInt32BE(at + 57);
  }
}

function batchEnd(bytes: Buffer, at: number): number {
  return at + 12 + bytes.readInt32BE(at + 8);
}

/** Moves all values of the frame together, each with a newline; returns the range they fill. */
function pack(bytes: Buffer, partitions: readonly FetchedPartition[]): { start: number; end: number } {
  const start = partitions[0]?.start ?? 0;
  let to = start;
  for (const partition of partitions) {
    let end = partition.start;
    for (let at = end; at + BATCH_HEADER_BYTES <= partition.end; at = end) {
      end = batchEnd(bytes, at); // before the lines of this batch are moved over its own header
      if (end > partition.end) break;
      if (checks && crc32c(bytes.subarray(at + 21, end)) !== bytes.readUInt32BE(at + 17))
        throw new Error('bad checksum');
      if (walks) to = packBatch(bytes, at, to);
    }
  }
  return { start, end: to };
}

function packBatch(bytes: Buffer, batchAt: number, lineAt: number): number {
  const count = bytes.readInt32BE(batchAt + 57);
  if ((bytes.readInt16BE(batchAt + 21) & 7) !== 0) throw new Error('this loop reads uncompressed batches only');
  let at = batchAt + BATCH_HEADER_BYTES;
  let to = lineAt;
  for (let left = count; left > 0; left--) {
    const recordBytes = varint(bytes, at);
    const recordEnd = varintEnd + recordBytes;
    varint(bytes, varintEnd + 1); // timestamp delta, after the attributes
    varint(bytes, varintEnd); // offset delta
    const keyBytes = varint(bytes, varintEnd);
    const valueBytes = varint(bytes, varintEnd + Math.max(keyBytes, 0));
    if (copies) bytes.copyWithin(to, varintEnd, varintEnd + valueBytes);
    to += valueBytes;
    if (copies) bytes[to] = NEWLINE;
    to++;
    at = recordEnd;
  }
  records += count;
  return to;
}

function varint(bytes: Buffer, from: number): number {
  let at = from;
  let byte = bytes[at++] as number;
  let value = byte & 127;
  for (let shift = 7; byte > 127; shift += 7) {
    byte = bytes[at++] as number;
    value |= (byte & 127) << shift;
  }
  varintEnd = at;
  return (value >>> 1) ^ -(value & 1);
}

async function writeAll(bytes: Buffer, start: number, end: number, fileAt: number): Promise<void> {
  for (let from = start; from < end; ) {
    const length = Math.min(WRITE_BYTES, end - from);
    const at = fileAt + from - start;
    from += await new Promise<number>((resolve, reject) =>
      write(file, bytes, from, length, at, (error, written) => (error === null ? resolve(written) : reject(error))),
    );
  }
}
