// The engine, from a topic into files, or into a directory for every hour that the records tell of.
// usage: sluice.ts <brokers> <topic> <records> <output file; its folder is used> <checkpoint interval> [hours [stayOpen]]
import { dirname } from 'node:path';
import { file } from '../../../connectors/file/index.ts';
import { Meter } from '../meter.ts';
import { drain } from './engine.ts';

const [brokers = '', topic = '', , path = '', interval = '1s', hours, files] = process.argv.slice(2);

const byHour = {
  directory: '{topic}/dt={time:yyyy-MM-dd}/hour={time:HH}',
  time: { field: 'e', unit: 's', notBefore: '1970-01-01' },
  maxOpenParts: 10_000,
} as const;
const sink = file({
  ...{ path: dirname(path), format: 'ndjson' },
  ...(hours === undefined ? {} : byHour),
  roll: { onCheckpoint: files !== 'stayOpen' },
});
await drain({ brokers, topic, sink, checkpoints: { interval } }, new Meter());
