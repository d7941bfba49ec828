// The engine, from a topic into HDFS, with its checkpoints there too.
// usage: sluice-hdfs.ts <brokers> <topic> <target as JSON> <checkpoint interval>
import { hdfs, hdfsStore } from '../../../connectors/hdfs/index.ts';
import type { HdfsTarget } from '../../hdfs.ts';
import { Meter } from '../meter.ts';
import { drain } from './engine.ts';

const [brokers = '', topic = '', target = '', interval = '1s'] = process.argv.slice(2);

const { urls, user, path } = JSON.parse(target) as HdfsTarget;
const sink = hdfs({ urls, user, path: `${path}/files`, format: 'ndjson' });
const store = hdfsStore({ urls, user, path: `${path}/_sluice` });
await drain({ brokers, topic, sink, checkpoints: { interval, store } }, new Meter());
