// The engine, from many topics into a bucket with no checkpoint but the first and the last. Says what it took as one line of JSON.
// usage: program.ts <brokers> <pattern of topics> <target as JSON> <prefix> <memory> <partBytes> [spool]
import { dirname } from 'node:path';
import { kafka } from '../../connectors/kafka/index.ts';
import { s3, s3Store } from '../../connectors/s3/index.ts';
import { type CounterName, pipeline, systemEnv } from '../../core/index.ts';
import { connectionOf, type S3Target } from '../s3.ts';

export interface DirectoriesMeasurement {
  records: number;
  bytes: number;
  files: number;
  /** More than one for a directory between two checkpoints. */
  closedEarly: number;
  /** Of the files that the last checkpoint closed, and those before it that were closed early. */
  lastBytes: number[];
  /** The most that was reserved of the memory budget. */
  memoryPeakBytes: number;
  rssPeakMiB: number;
  cpuS: number;
  wallS: number;
}

const [brokers = '', topicPattern = '', target = '', prefix = '', memory = '', partBytes = '', spool] =
  process.argv.slice(2);

const counted: Record<CounterName, number> = {
  records: 0,
  bytes: 0,
  checkpoints: 0,
  files: 0,
  restarts: 0,
  fetches: 0,
};
let memoryPeakBytes = 0;
const env = systemEnv({
  metrics: {
    add: (counter, n) => {
      counted[counter] += n;
    },
    set: (gauge, value) => {
      if (gauge === 'memoryBytes') memoryPeakBytes = Math.max(memoryPeakBytes, value);
    },
  },
});
const connection = connectionOf(JSON.parse(target) as S3Target);
const sink = s3({ ...connection, prefix, partBytes, ...(spool === undefined ? {} : { spool }) });
/** Of each cut, the directory and the size of each file. */
const cuts: { directory: string; bytes: number }[][] = [];
const open = sink.open.bind(sink);
sink.open = async (context) => {
  const session = await open(context);
  const openWriter: typeof session.openWriter = async (events) => {
    const writer = await session.openWriter(events);
    const cut = writer.cut.bind(writer);
    writer.cut = async (barrier) => {
      const staged = await cut(barrier);
      cuts.push(staged.handles.map(({ payload, bytes }) => ({ directory: dirname(payload.key), bytes })));
      return staged;
    };
    return writer;
  };
  return { ...session, openWriter };
};
await pipeline({
  name: 'directories',
  memory,
  source: kafka({ brokers: brokers.split(','), topicPattern, start: 'earliest', stop: 'latest' }),
  sink,
  checkpoints: { interval: '1h', store: s3Store({ ...connection, prefix: `${prefix}-state` }) },
}).run({ env });
if (counted.restarts > 0) throw new Error(`${counted.restarts} restarts: the measurement is worth nothing`);

const { user, system } = process.cpuUsage();
const measurement: DirectoriesMeasurement = {
  ...{ records: counted.records, bytes: counted.bytes, files: counted.files },
  closedEarly: cuts.reduce((sum, files) => sum + files.length - new Set(files.map((file) => file.directory)).size, 0),
  lastBytes: cuts.findLast((files) => files.length > 0)?.map((file) => file.bytes) ?? [],
  memoryPeakBytes,
  rssPeakMiB: process.resourceUsage().maxRSS / 1024,
  cpuS: (user + system) / 1e6,
  wallS: performance.now() / 1000,
};
console.log(JSON.stringify(measurement));
