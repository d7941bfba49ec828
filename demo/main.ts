import { randomUUID } from 'node:crypto';
import { createTopic, deleteTopic, findKafka, type KafkaSearch } from '../test/services/kafka.ts';
import { type DemoOptions, parseOptions, usage } from './options.ts';
import { play } from './play.ts';
import { Story } from './story.ts';
import { findTarget } from './target.ts';

const partitions = 8;
const GOALS = { file: 'files', s3: 'an S3 bucket', hdfs: 'HDFS' };

// kafkajs arms timers that lie in the past, and Node warns of each kind once: not what the reader came for.
process.removeAllListeners('warning');

const parsed = parseOptions(process.argv.slice(2));
switch (parsed.kind) {
  case 'help':
    process.stdout.write(`${usage}\n`);
    break;
  case 'wrong':
    process.stderr.write(`${parsed.why}\n\n${usage}\n`);
    process.exitCode = 2;
    break;
  case 'run':
    process.exitCode = await demo(parsed.options, new Story());
}

async function demo(options: DemoOptions, story: Story): Promise<number> {
  const stop = stopOnSignal(story);
  story.plain();
  story.plain(
    `Sluice: from Kafka into ${GOALS[options.sink]} exactly once, while the pipeline is killed again and again`,
    'bold',
  );
  story.plain();
  const kafka = await findBroker(options, story);
  if (kafka.kind === 'none') {
    story.tell('kafka', `${kafka.why}\nor run: npm run demo -- --brokers host:9092`, 'red');
    return 1;
  }
  try {
    return await withTarget(options, kafka.brokers, story, stop);
  } finally {
    await kafka.stop();
  }
}

async function withTarget(options: DemoOptions, brokers: string, story: Story, stop: AbortSignal): Promise<number> {
  const found = await findTarget(options, story);
  if (found.kind === 'none') {
    story.tell(options.sink, `${found.why}\nor run: npm run demo -- --sink file`, 'red');
    return 1;
  }
  const { target } = found;
  const topic = `sluice-demo-${randomUUID().slice(0, 8)}`;
  try {
    await createTopic(brokers, { topic, partitions });
    story.tell('topic', `${topic}, ${partitions} partitions`);
    try {
      return await play({ ...options, brokers, topic, partitions, target, story, stop });
    } finally {
      if (options.brokers !== undefined) await removeTopic(brokers, topic, options.keep, story);
    }
  } finally {
    await target.end();
  }
}

async function findBroker({ brokers }: DemoOptions, story: Story): Promise<KafkaSearch> {
  if (brokers !== undefined) {
    story.tell('kafka', `${brokers}, as you said`);
    return { kind: 'found', brokers, how: '--brokers', stop: async () => {} };
  }
  story.tell('kafka', 'looking for a broker: SLUICE_TEST_KAFKA, then Docker, then a JVM');
  const found = await findKafka((line) => story.tell('kafka', line));
  if (found.kind === 'found') story.tell('kafka', `${found.brokers} (${found.how})`);
  return found;
}

async function removeTopic(brokers: string, topic: string, keep: boolean, story: Story): Promise<void> {
  if (keep) return story.tell('topic', `${topic} is kept`);
  await deleteTopic(brokers, topic);
  story.tell('topic', `${topic} is deleted`);
}

/** Ctrl-C ends the demo in order; a second one at once, and nothing that was started survives that either. */
function stopOnSignal(story: Story): AbortSignal {
  const stop = new AbortController();
  let firstMs = 0;
  const onSignal = () => {
    if (!stop.signal.aborted) {
      firstMs = performance.now();
      story.tell('stop', 'cleaning up (Ctrl-C again to leave at once)', 'yellow');
      stop.abort();
      // One Ctrl-C under npm arrives twice: from the terminal and from npm.
    } else if (performance.now() - firstMs > 500) process.exit(130);
  };
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
  return stop.signal;
}
