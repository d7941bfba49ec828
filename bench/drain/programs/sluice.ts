// The whole engine through its public API: one bounded run from the earliest record to what is latest at its start.
// usage: sluice.ts <brokers> <topic> <records> <output file; its folder is used> <checkpoint interval>
import { dirname } from 'node:path';
import { file } from '../../../connectors/file/index.ts';
import { kafka } from '../../../connectors/kafka/index.ts';
import { type CounterName, pipeline, systemEnv } from '../../../core/index.ts';
import { Meter } from '../meter.ts';

const [brokers = '', topic = '', , path = '', interval = '1s'] = process.argv.slice(2);

const meter = new Meter();
const counted: Record<CounterName, number> = {
  records: 0,
  bytes: 0,
  checkpoints: 0,
  files: 0,
  restarts: 0,
  fetches: 0,
};
const env = systemEnv({
  metrics: {
    add: (counter, n) => {
      if (counter === 'fetches' || counter === 'records') meter.batch();
      counted[counter] += n;
    },
    set: () => {},
  },
});

await pipeline({
  name: 'drain',
  source: kafka({ brokers: brokers.split(','), topics: [topic], start: 'earliest', stop: 'latest' }),
  sink: file({ path: dirname(path), format: 'ndjson' }),
  checkpoints: { interval },
}).run({ env });
if (counted.restarts > 0) throw new Error(`${counted.restarts} restarts: the measurement is worth nothing`);
meter.done({ records: counted.records, bytes: counted.bytes, checkpoints: counted.checkpoints });
