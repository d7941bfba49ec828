import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { promisify } from 'node:util';
import { assertExact, auditOutput, faultsOf, Ledger, LedgerProducer } from '../../testing/ledger/index.ts';
import { type Broker, kafkaClient } from '../services/broker.ts';
import { createTopic, testBroker } from '../services/kafka.ts';
import { killBroker } from '../services/kill-broker.ts';
import { waitFor } from '../services/wait.ts';

const run = promisify(execFile);
/** The consumer ends after so long without a record, and its start and the joining of its group count too. */
const JAVA_PATIENCE_MS = '12000';

/** What the Java consumer reads from a topic, as an output folder. */
async function consumedByJava(
  t: TestContext,
  { brokers, classPath }: Broker,
  topic: string,
  isolation: string,
): Promise<string> {
  const root = mkdtempSync(join(tmpdir(), 'sluice-consumed-'));
  t.after(() => rmSync(root, { recursive: true, force: true }));
  const consumer = 'org.apache.kafka.tools.consumer.ConsoleConsumer';
  const args = ['--bootstrap-server', brokers, '--topic', topic, '--from-beginning', '--isolation-level', isolation];
  const { stdout } = await run(
    'java',
    ['-Xmx256m', '-cp', classPath, consumer, ...args, '--timeout-ms', JAVA_PATIENCE_MS],
    {
      maxBuffer: 512 * 1024 * 1024,
    },
  );
  writeFileSync(join(root, 'consumed.ndjson'), stdout);
  return root;
}

test('the ledger knows what the Java consumer reads, also when the broker is killed while records are written', async (t) => {
  const broker = await testBroker(t);
  if (broker === undefined) return;
  const topic = 'clicks';
  await createTopic(broker.brokers, { topic, partitions: 3 });
  const ledger = new Ledger();
  const producer = new LedgerProducer({ kafka: kafkaClient(broker.brokers), ledger, topic, partitions: 3 });
  t.after(async () => {
    await producer.disconnect();
    await broker.stop();
  });
  const stop = new AbortController();
  const running = producer.run({ signal: stop.signal, recordsPerSecond: 6_000 });

  // The mixture is drawn by chance, and may be without one.
  const aborting = await producer.begin('abort');
  await aborting.send(100);
  await aborting.end();
  await reached(ledger, 3_000);
  await killBroker(broker, producer);
  await broker.restart();
  await reached(ledger, ledger.totals().committed + 6_000);
  stop.abort();
  await running;

  const verdict = await auditOutput({
    root: await consumedByJava(t, broker, topic, 'read_committed'),
    ledger,
    recordsMin: 9_000,
  });
  assertExact(verdict);
  const { aborted } = ledger.totals();
  assert.ok(aborted > 0, 'no transaction was aborted');
  const everything = await auditOutput({ root: await consumedByJava(t, broker, topic, 'read_uncommitted'), ledger });
  assert.ok((faultsOf(everything).abortedSeen ?? 0) > 0, 'an auditor that cannot see aborted records');
});

async function reached(ledger: Ledger, committed: number): Promise<void> {
  await waitFor(() => ledger.totals().committed >= committed, { what: `${committed} committed records` });
}
