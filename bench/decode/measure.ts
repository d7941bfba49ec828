import avro from 'avsc';
import { buildFrame, scanPartition } from '../../connectors/kafka/frame.ts';
import { FramePool } from '../../connectors/kafka/frame-pool.ts';
import { RegistryClient } from '../../connectors/schema-registry/client.ts';
import { DecodingReader } from '../../connectors/schema-registry/decoding-reader.ts';
import { jsonTextOf } from '../../connectors/schema-registry/json-text.ts';
import { registrySettings } from '../../connectors/schema-registry/settings.ts';
import { LinePacker } from '../../core/batch/lines.ts';
import { SharedMemoryBudget } from '../../core/runtime/memory-budget.ts';
import { systemEnv } from '../../core/runtime/system-env.ts';
import { type Frame, SlabPool, type SplitReader } from '../../core/spi.ts';
import { encodeBatch } from '../../testing/kafka/batch-encoder.ts';
import { RegistryModel } from '../../testing/schema-registry/model.ts';
import { PRODUCER_BATCH_BYTES } from '../topic.ts';

/** `none`: values are packed as they are, which is JSON as for `json`. */
export const FORMATS = ['none', 'json', 'jsonSchema', 'string', 'bytes', 'avro'] as const;
export type Format = (typeof FORMATS)[number];

/** Of one record, but for the memory. */
export interface Measured {
  readonly cpuNs: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
  readonly rssMiB: number;
}

const COUNTRIES = ['DE', 'FR', 'GB', 'NL', 'PL', 'US'];
const SCHEMA = {
  type: 'record',
  name: 'Event',
  fields: [
    { name: 'id', type: 'long' },
    { name: 'user', type: 'string' },
    { name: 'country', type: { type: 'enum', name: 'Country', symbols: COUNTRIES } },
    { name: 'price', type: 'double' },
    { name: 'active', type: 'boolean' },
    { name: 'at', type: 'long' },
  ],
} satisfies avro.Schema;
const SCHEMA_ID = 1;
const FRAME_BYTES = 1024 * 1024;
const RANGE_BYTES = 512 * 1024;
/** For the compiler. */
const WARM_UP_SHARE = 0.2;
const { signal } = new AbortController();

/** The way of records from an answer of a broker to lines, by the parts that a pipeline uses. */
export async function measure(format: Format, records: number): Promise<Measured> {
  const topic = topicIn(format);
  const inner = new AnswerReader(topic.bytes);
  const reader = format === 'none' ? inner : decoding(format, inner);
  const packer = new LinePacker({ delimiter: 10, newlines: 'rewrite', nulls: 'fail' }, ({ group }) => group);
  let bytesOut = 0;
  let count = 0;
  const read = async (enough: number) => {
    while (count < enough) {
      const frame = (await reader.poll({ signal })) as Frame;
      for (let taken = 0; taken < frame.count; ) {
        const range = packer.pack(frame, taken, () => ({ bytesMax: RANGE_BYTES, recordsMax: Number.MAX_SAFE_INTEGER }));
        bytesOut += range.bytes.length;
        taken = range.taken;
      }
      count += frame.count;
      frame.release();
    }
  };
  await read(records * WARM_UP_SHARE);
  const [countBefore, bytesBefore] = [count, bytesOut];
  const before = process.cpuUsage();
  await read(countBefore + records);
  const { user, system } = process.cpuUsage(before);
  const measured = count - countBefore;
  return {
    cpuNs: ((user + system) * 1e3) / measured,
    bytesIn: topic.bytesPerValue,
    bytesOut: (bytesOut - bytesBefore) / measured,
    rssMiB: process.resourceUsage().maxRSS / 1024,
  };
}

function decoding(format: Exclude<Format, 'none'>, reader: SplitReader): SplitReader {
  const env = systemEnv();
  const model = new RegistryModel({ firstId: SCHEMA_ID });
  model.register({ subject: 'events-value', schema: SCHEMA });
  const settings = registrySettings.parse({ urls: ['http://registry'] });
  const get = async (url: string) => model.answer(url.slice('http://registry'.length));
  const text = jsonTextOf(format, new RegistryClient({ settings, env, get }));
  return new DecodingReader({ reader, text, memory: new SharedMemoryBudget(256 << 20, env) });
}

/** Gives the same answer of a broker again and again: packing destroys it, so each time it is a copy. */
class AnswerReader implements SplitReader {
  readonly #answer: Buffer;
  readonly #receive: Buffer;
  readonly #slabs = new SlabPool();
  readonly #scratchPool = new FramePool();

  constructor(answer: Buffer) {
    this.#answer = answer;
    this.#receive = Buffer.from(answer);
  }

  async poll(): Promise<Frame> {
    const bytes = this.#receive;
    this.#answer.copy(bytes);
    const from = { offset: 0, leaderEpoch: 0 };
    const scanned = scanPartition(bytes, 0, bytes.length, from);
    return buildFrame({
      ...{ bytes, slabs: this.#slabs, scratchPool: this.#scratchPool },
      partitions: [
        {
          ...{ split: 'events/0', topic: 'events', partition: 0, from, offsetTo: Number.POSITIVE_INFINITY, scanned },
          ...{ aborted: [], onBadBatch: failed },
        },
      ],
      ...{ readCommitted: true, decompressedBytesMax: FRAME_BYTES, recycle() {} },
    }) as Frame;
  }

  assign(): void {}
  revoke(): void {}
  async [Symbol.asyncDispose](): Promise<void> {}
}

function failed(error: Error): never {
  throw error;
}

/** Producer batches of one frame. */
function topicIn(format: Format): { bytes: Buffer; bytesPerValue: number } {
  const type = avro.Type.forSchema(structuredClone(SCHEMA) as avro.Schema);
  const prefix = Buffer.alloc(5);
  prefix.writeInt32BE(SCHEMA_ID, 1);
  const batches: Buffer[] = [];
  let [records, valueBytes, bytes] = [0, 0, 0];
  for (; bytes < FRAME_BYTES; bytes += (batches.at(-1) as Buffer).length) {
    const values: Buffer[] = [];
    const baseOffset = records;
    for (let inBatch = 0; inBatch < PRODUCER_BATCH_BYTES; records++) {
      const event = eventOf(records);
      const json = Buffer.from(JSON.stringify(event));
      const value =
        format === 'avro'
          ? Buffer.concat([prefix, type.toBuffer(event)])
          : format === 'jsonSchema'
            ? Buffer.concat([prefix, json])
            : json;
      values.push(value);
      inBatch += value.length;
      valueBytes += value.length;
    }
    const batch = encodeBatch(
      values.map((value) => ({ value })),
      { baseOffset },
    );
    batches.push(batch);
  }
  return { bytes: Buffer.concat(batches), bytesPerValue: valueBytes / records };
}

/** A number, a name of many, one of few, a decimal, a flag and a time. The same in every run. */
function eventOf(n: number) {
  return {
    id: 1e9 + n,
    user: `user-${(n * 7919) % 50_000}`,
    country: COUNTRIES[(n * 31) % COUNTRIES.length],
    price: ((n * 104_729) % 10_000) / 100,
    active: n % 3 === 0,
    at: 1.7e12 + n * 37,
  };
}
