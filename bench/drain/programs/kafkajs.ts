// A consumer as a careful kafkajs user would write it: eachBatch, one concat and one write per batch, one fsync. No guarantees.
// usage: kafkajs.ts <brokers> <topic> <records> <output file>
import { open } from 'node:fs/promises';
import { promisify } from 'node:util';
import { zstdDecompress } from 'node:zlib';
import kafkajs from 'kafkajs';
import { Meter } from '../meter.ts';

const [brokers = '', topic = '', recordsText, path = ''] = process.argv.slice(2);
const recordsWanted = Number(recordsText);

const decompressZstd = promisify(zstdDecompress);
kafkajs.CompressionCodecs[kafkajs.CompressionTypes.ZSTD] = () => ({
  compress: () => Promise.reject(new Error('this program only reads')),
  decompress: (bytes: Buffer) => decompressZstd(bytes),
});

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
  consumer.on(consumer.events.CRASH, ({ payload }) => reject(payload.error));
  consumer
    .run({
      autoCommit: false,
      eachBatch: async ({ batch }) => {
        meter.batch();
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
