// The engine, from a topic into a bucket, with its checkpoints there too.
// usage: sluice-s3.ts <brokers> <topic> <target as JSON> <prefix> <checkpoint interval>
import { s3, s3Store } from '../../../connectors/s3/index.ts';
import { RequestCounter } from '../../requests.ts';
import { connectionOf, type S3Target } from '../../s3.ts';
import { Meter } from '../meter.ts';
import { drain } from './engine.ts';

const [brokers = '', topic = '', target = '', prefix = '', interval = '1s'] = process.argv.slice(2);

const connection = connectionOf(JSON.parse(target) as S3Target);
const sink = s3({ ...connection, prefix, format: 'ndjson' });
const store = s3Store({ ...connection, prefix: '_sluice' });
await drain({ brokers, topic, sink, checkpoints: { interval, store } }, new Meter(new RequestCounter()));
