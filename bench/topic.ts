import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { kafkaClient } from '../test/services/broker.ts';
import { createTopic } from '../test/services/kafka.ts';
import { encodeRecord, Ledger } from '../testing/ledger/index.ts';

/** What a topic holds: decided by these alone, so that a topic once written serves every later run. */
export interface Workload {
  records: number;
  valueBytes: number;
  partitions: number;
  codec: 'none' | 'gzip' | 'snappy' | 'lz4' | 'zstd';
  /** Over how many hours the events are spread that records tell of: each is in another one than its neighbours. */
  hours?: number;
}

/** What librdkafka and the Java producer send by default is 16 KiB and more; the small end is the hard one for a consumer. */
export const PRODUCER_BATCH_BYTES = 16 * 1024;

const CHUNK_BYTES = 256 * 1024;
/** A prime number, so that every hour has its turn before one comes again. */
const HOURS_STEP = 7;

export function topicOf({ records, valueBytes, partitions, codec, hours }: Workload): string {
  return `b${partitions}-${records}x${valueBytes}-${codec}${hours === undefined ? '' : `-${hours}h`}`;
}

/** What is in the topic, for the auditor. */
export function ledgerOf(workload: Workload): Ledger {
  const ledger = new Ledger();
  const delivery = ledger.begin('plain');
  for (let partition = 0; partition < workload.partitions; partition++) {
    ledger.take(topicOf(workload), partition, recordsOf(workload, partition), delivery);
  }
  delivery.outcome = 'committed';
  return ledger;
}

/** Writes the topic with kcat (librdkafka), unless the broker has it already. */
export async function ensureTopic(brokers: string, workload: Workload, say: (line: string) => void): Promise<string> {
  const topic = topicOf(workload);
  const admin = kafkaClient(brokers).admin();
  await admin.connect();
  try {
    const known = (await admin.listTopics()).includes(topic);
    if (known && (await endOffsets(admin, topic)) === workload.records) return topic;
    if (known) throw new Error(`topic ${topic} holds something else: delete it, or take another broker`);
    say(`writing ${workload.records.toLocaleString('en-US')} records of ${workload.valueBytes} B to ${topic}`);
    await createTopic(brokers, { topic, partitions: workload.partitions, configs: { 'retention.ms': '-1' } });
    for (let partition = 0; partition < workload.partitions; partition++)
      await writePartition(brokers, workload, partition);
    const written = await endOffsets(admin, topic);
    if (written !== workload.records)
      throw new Error(`${topic} holds ${written} records instead of ${workload.records}`);
    return topic;
  } finally {
    await admin.disconnect();
  }
}

async function endOffsets(admin: import('kafkajs').Admin, topic: string): Promise<number> {
  const offsets = await admin.fetchTopicOffsets(topic);
  return offsets.reduce((sum, { high }) => sum + Number(high), 0);
}

function recordsOf({ records, partitions }: Workload, partition: number): number {
  return Math.floor(records / partitions) + (partition < records % partitions ? 1 : 0);
}

async function writePartition(brokers: string, workload: Workload, partition: number): Promise<void> {
  const records = recordsOf(workload, partition);
  await writeRecords(brokers, { ...workload, topic: topicOf(workload), partition, records });
}

/** Numbered records from the first on, as the ledger knows them, written by kcat (librdkafka). */
export async function writeRecords(
  brokers: string,
  {
    topic,
    partition,
    records,
    valueBytes,
    codec,
    hours,
  }: Omit<Workload, 'partitions'> & { topic: string; partition: number },
): Promise<void> {
  const settings = [`batch.size=${PRODUCER_BATCH_BYTES}`, 'linger.ms=5', 'enable.idempotence=true'];
  const flags = ['-P', '-b', brokers, '-t', topic, '-p', String(partition), '-z', codec];
  const kcat = spawn('kcat', [...flags, ...settings.flatMap((setting) => ['-X', setting])], {
    stdio: ['pipe', 'ignore', 'inherit'],
  });
  const ended = once(kcat, 'exit');
  for (let sequence = 0; sequence < records; ) {
    const lines: Buffer[] = [];
    for (let bytes = 0; bytes < CHUNK_BYTES && sequence < records; sequence++) {
      const event = hours === undefined ? {} : { eventS: ((sequence * HOURS_STEP + partition) % hours) * 3600 };
      const value = encodeRecord({ topic, partition, sequence, planned: 'commit', ...event }, valueBytes);
      lines.push(value, NEWLINE);
      bytes += value.length;
    }
    if (!kcat.stdin.write(Buffer.concat(lines))) await Promise.race([once(kcat.stdin, 'drain'), ended]);
    if (kcat.exitCode !== null) break;
  }
  kcat.stdin.end();
  const [code] = await ended;
  if (code !== 0) throw new Error(`kcat ended with ${code} while writing ${topic}/${partition}`);
}

const NEWLINE = Buffer.from('\n');
