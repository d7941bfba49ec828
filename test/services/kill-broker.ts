import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { LedgerProducer } from '../../testing/ledger/index.ts';
import type { Broker } from './broker.ts';
import { waitFor } from './wait.ts';

const run = promisify(execFile);

/**
 * Kills a broker while records are written to it, at a moment when it has written the markers of every commit it answered.
 * Killed before that, a broker of one node (4.4.0) counts the transaction as complete when it starts again and never writes
 * the markers: the records then share the fate of the next transaction of that producer, and no client can tell.
 */
export async function killBroker(broker: Broker, producer: LedgerProducer): Promise<void> {
  await producer.whileNoneEnds(async () => {
    await waitFor(async () => !/\bPrepare(Commit|Abort)\b/.test(await transactionsOf(broker)), {
      what: 'the markers of all ended transactions',
    });
    await broker.kill();
  });
}

/** A table with the state of every transactional id, from Kafka's own tool. */
async function transactionsOf({ brokers, classPath }: Broker): Promise<string> {
  const tool = 'org.apache.kafka.tools.TransactionsCommand';
  const { stdout } = await run('java', ['-Xmx128m', '-cp', classPath, tool, '--bootstrap-server', brokers, 'list']);
  if (!stdout.includes('TransactionState')) throw new Error(`not a list of transactions: ${stdout}`);
  return stdout;
}
