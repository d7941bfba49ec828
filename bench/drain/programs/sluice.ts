// The engine, from a topic into files.
// usage: sluice.ts <brokers> <topic> <records> <output file; its folder is used> <checkpoint interval>
import { dirname } from 'node:path';
import { file } from '../../../connectors/file/index.ts';
import { Meter } from '../meter.ts';
import { drain } from './engine.ts';

const [brokers = '', topic = '', , path = '', interval = '1s'] = process.argv.slice(2);

const sink = file({ path: dirname(path), format: 'ndjson' });
await drain({ brokers, topic, sink, checkpoints: { interval } }, new Meter());
