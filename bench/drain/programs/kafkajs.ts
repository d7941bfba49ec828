// A consumer as a careful kafkajs user would write it: eachBatch, one concat and one write per batch, one fsync. No guarantees.
// usage: kafkajs.ts <brokers> <topic> <records> <output file>
import { open } from 'node:fs/promises';
import kafkajs from 'kafkajs';
import { decompress } from '../../../connectors/kafka/codecs.ts';
import { Meter } from '../meter.ts';

const [brokers = '', topic = '', recordsText, path = ''] = process.argv.slice(2);
const recordsWanted = Number(recordsText);

// kafkajs brings gzip; for the others it gets the decoders of connectors/kafka.
const OUTPUT_BYTES_MAX = 64 << 20;
const { Snappy, LZ4, ZSTD } = kafkajs.CompressionTypes;
for (const codec of [Snappy, LZ4, ZSTD] as const) {
  kafkajs.CompressionCodecs[codec] = () => ({
    compress: () => Promise.reject(new Error('this program only reads')),
    decompress: async (bytes: Buffer) => decompress(codec, bytes, OUTPUT_BYTES_MAX),
  });
}

const newline = Buffer.from('\n');
const meter = new Meter();
const file = await open(path, 'w');
const client = new kafkajs.Kafka({ brokers: brokers.split(','), logLevel: kafkajs.logLevel.NOTHING });
const consumer = client.consumer({
  groupId: `bench-${process.pid}-${Date.now()}`,
  maxBytesPerPartition: 1 << 20,
  maxBytes: 16 << 20,
});
await consumer.connect();
await consumer.subscribe({ topics: [topic], fromBeginning: true });

let records = 0;
let bytes = 0;
await new Promise<void>((resolve, reject) => {
  // The first fetch is decoded before eachBatch hears of it, and that is part of the work.
  consumer.on(consumer.events.GROUP_JOIN, () => meter.batch());
  consumer.on(consumer.events.CRASH, ({ payload }) => reject(payload.error));
  consumer
    .run({
      autoCommit: false,
      eachBatch: async ({ batch }) => {
        const lines: Buffer[] = [];
        for (const message of batch.messages) lines.push(message.value ?? Buffer.alloc(0), newline);
        const chunk = Buffer.concat(lines);
        await file.writeFile(chunk);
        bytes += chunk.length;
        records += batch.messages.length;
        if (records >= recordsWanted) resolve();
      },
    })
    .catch(reject);
});
await file.sync();
meter.done({ records, bytes });
process.exit(0); // a clean leave waits for the long poll and measures nothing
