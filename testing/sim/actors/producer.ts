import type { Dice } from '../../dice.ts';
import { type Delivery, encodeRecord } from '../../ledger/index.ts';
import type { World } from '../world.ts';

const OPEN_TRANSACTIONS_MAX = 3;

interface Transaction {
  readonly producerId: number;
  readonly planned: 'commit' | 'abort';
  readonly delivery: Delivery;
  endsAtMs: number;
}

/** Writes numbered records until the trouble is over: plain, in transactions that overlap, and with holes as compaction leaves them. */
export async function produce(world: World): Promise<void> {
  const { plan, kafka, ledger } = world;
  const dice = world.dice.fork('producer');
  const open: Transaction[] = [];
  let producers = 0;
  const everyMs = 100;

  const end = (transaction: Transaction) => {
    open.splice(open.indexOf(transaction), 1);
    // Before the marker: whoever reads the marker at once may show the records at once.
    transaction.delivery.outcome = transaction.planned === 'commit' ? 'committed' : 'aborted';
    kafka.endTransaction(transaction.producerId, transaction.planned);
    world.saw(`transaction ${transaction.planned === 'commit' ? 'committed' : 'aborted'}`);
  };

  while (world.time.nowMs < plan.troubleMs) {
    await world.sleep(everyMs * dice.between(0.2, 1.8));
    for (const transaction of [...open]) if (transaction.endsAtMs <= world.time.nowMs) end(transaction);
    if (plan.faults.has('transactions') && open.length < OPEN_TRANSACTIONS_MAX && dice.chance(0.3)) {
      const producerId = 1_000 + producers++;
      const planned = dice.chance(0.4) ? 'abort' : 'commit';
      kafka.beginTransaction(producerId);
      const delivery = ledger.begin('transaction');
      open.push({ producerId, planned, delivery, endsAtMs: world.time.nowMs + dice.between(50, 2_000) });
    }
    const wanted = (plan.recordsPerSecond * everyMs) / 1000;
    const count = Math.floor(wanted) + (dice.chance(wanted % 1) ? 1 : 0);
    if (count === 0) continue;
    const transaction = open.length > 0 && dice.chance(0.6) ? dice.pick(open) : undefined;
    const pieces = Math.min(count, dice.whole(1, 4));
    for (let piece = 0; piece < pieces; piece++) {
      const share = Math.ceil(count / pieces);
      write(world, dice, share, transaction);
    }
  }
  for (const transaction of [...open]) end(transaction);
}

function write(world: World, dice: Dice, count: number, transaction: Transaction | undefined): void {
  const { plan, kafka, ledger } = world;
  const topic = dice.pick(world.topics);
  const partition = dice.whole(0, kafka.partitionCount(topic) - 1);
  const planned = transaction?.planned ?? 'commit';
  const delivery = transaction?.delivery ?? ledger.begin('plain');
  if (plan.faults.has('gaps') && dice.chance(0.2)) {
    kafka.leaveGap(topic, partition, dice.whole(1, 5), { asEmptyBatch: dice.chance(0.5) });
    world.saw('a gap in the offsets');
  }
  const first = ledger.take(topic, partition, count, delivery);
  let offsetDelta = -1;
  const records = Array.from({ length: count }, (_, index) => {
    offsetDelta += plan.faults.has('gaps') && dice.chance(0.1) ? 2 : 1;
    const value = encodeRecord({ topic, partition, sequence: first + index, planned }, plan.valueBytes);
    return { key: `${first + index}`, value, offsetDelta };
  });
  kafka.append(topic, partition, records, {
    codec: plan.codec,
    ...(transaction === undefined ? {} : { producerId: transaction.producerId }),
  });
  if (transaction === undefined) delivery.outcome = 'committed';
}
