import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CommitQueue } from '../../../core/checkpoint/commit-queue.ts';
import type { CommitPermit, Committer, PendingHandle, Verdict } from '../../../core/contract/sink.ts';
import { SluiceError } from '../../../core/errors.ts';
import { mustBe } from '../support/expect.ts';
import { handleOf } from '../support/slots.ts';
import { away } from '../support/store-faults.ts';
import { VirtualEnv } from '../support/virtual-env.ts';

type Handle = PendingHandle<readonly string[]>;
type Answer = (handle: Handle, call: number) => Verdict | Promise<Verdict>;

const committed: Verdict = { kind: 'committed' };
const retryLater: Verdict = { kind: 'retryLater', cause: away() };

/** A queue whose committer answers as the test says, and what came of it. */
class Bench {
  readonly virtual = new VirtualEnv();
  readonly abort = new AbortController();
  /** The ids of every commit call, in order. */
  readonly calls: string[][] = [];
  readonly permits: CommitPermit[] = [];
  readonly failures: unknown[] = [];
  settledRounds = 0;
  underWay = 0;
  underWayMax = 0;
  readonly queue: CommitQueue<readonly string[]>;

  constructor(answer: Answer = () => committed) {
    const committer: Committer<readonly string[]> = {
      commit: async (handles, permit) => {
        this.underWayMax = Math.max(this.underWayMax, ++this.underWay);
        this.calls.push(handles.map(({ id }) => id));
        this.permits.push(permit);
        const verdicts = await Promise.all(handles.map((handle) => answer(handle, this.calls.length)));
        this.underWay--;
        return verdicts;
      },
      abortOrphans: async () => assert.fail('a queue aborts nothing'),
    };
    this.queue = new CommitQueue({
      committer,
      epoch: 5,
      env: this.virtual.env,
      signal: this.abort.signal,
      onSettled: () => {
        this.settledRounds++;
      },
      onLost: async (error) => {
        throw error;
      },
      onFailed: (error) => {
        this.failures.push(error);
        this.abort.abort();
      },
    });
  }

  get settle(): Promise<void> {
    return this.virtual.settle();
  }
}

const handle = (id: string, facts: Partial<Handle> = {}) => handleOf({ id, ...facts });
const ids = (handles: readonly Handle[]) => handles.map(({ id }) => id);

test('handles are committed as soon as they are added, under the slot that names them, and leave the queue', async () => {
  const bench = new Bench();

  bench.queue.add([handle('a'), handle('b')], 7);
  await bench.settle;

  assert.deepEqual(bench.calls, [['a', 'b']]);
  assert.deepEqual([bench.permits[0]?.seq, bench.permits[0]?.epoch], [7, 5]);
  assert.equal(bench.queue.size, 0);
  assert.equal(bench.settledRounds, 1);
});

test('what was committed already is settled too', async () => {
  const bench = new Bench(() => ({ kind: 'alreadyCommitted' }));

  bench.queue.add([handle('a')], 7);
  await bench.settle;

  assert.equal(bench.queue.size, 0);
});

test('one commit per handle at a time: what is added meanwhile waits for the next round', async () => {
  const first = Promise.withResolvers<Verdict>();
  const bench = new Bench((_, call) => (call === 1 ? first.promise : committed));
  bench.queue.add([handle('a')], 7);
  bench.queue.add([handle('b')], 8);
  await bench.settle;
  assert.deepEqual(bench.calls, [['a']]);

  first.resolve(committed);
  await bench.settle;

  assert.deepEqual(bench.calls, [['a'], ['b']]);
  assert.equal(bench.underWayMax, 1);
});

test('a lower phase is committed before a higher one, and one that has to wait holds the higher one back', async () => {
  const bench = new Bench(({ id }, call) => (id === 'part' && call < 3 ? retryLater : committed));

  bench.queue.add([handle('mark', { phase: 1 }), handle('part'), handle('other')], 7);
  await bench.settle;
  assert.deepEqual(bench.calls, [['part', 'other']]);

  await bench.virtual.until(() => bench.queue.size === 0);

  assert.deepEqual(bench.calls, [['part', 'other'], ['part'], ['part'], ['mark']]);
});

test('retryLater stays in the queue and is tried again after ever longer pauses, up to ten seconds', async () => {
  const atMs: number[] = [];
  const bench = new Bench(() => {
    atMs.push(bench.virtual.nowMs);
    return retryLater;
  });

  bench.queue.add([handle('a')], 7);
  await bench.virtual.advance(60_000);

  const pauses = atMs.slice(1).map((ms, i) => ms - (atMs[i] as number));
  assert.deepEqual(pauses.slice(0, 7), [200, 400, 800, 1_600, 3_200, 6_400, 10_000]);
  assert.deepEqual(ids(bench.queue.pending), ['a']);
  assert.equal(bench.queue.blockedBy?.code, 'AWAY');
  assert.equal(bench.settledRounds, 0);
});

test('the first round ends when every handle had its turn, settled or not', async () => {
  const bench = new Bench(({ id }) => (id === 'a' ? retryLater : committed));
  bench.queue.add([handle('a'), handle('b')], 7);

  await bench.queue.firstRound();

  assert.deepEqual(ids(bench.queue.pending), ['a']);
});

test('the pending handles are in the order in which they were added, oldest first', async () => {
  const bench = new Bench(() => retryLater);
  bench.queue.add([handle('a')], 7);
  bench.queue.add([handle('b'), handle('c')], 8);
  await bench.virtual.advance(10_000);

  assert.deepEqual(ids(bench.queue.pending), ['a', 'b', 'c']);
});

test('a loss names topic, partition and offsets of everything lost, and what was committed beside it is settled first', async () => {
  const bench = new Bench(({ id }) => (id.startsWith('lost') ? { kind: 'lost', why: `${id} is gone` } : committed));

  bench.queue.add(
    [
      handle('lost-1', { covers: { 'clicks/3': [100, 200] } }),
      handle('a'),
      handle('lost-2', { covers: { 'clicks/4': [7, 8] } }),
    ],
    7,
  );
  await bench.settle;

  assert.equal(bench.settledRounds, 1);
  assert.deepEqual(ids(bench.queue.pending), ['lost-1', 'lost-2']);
  const error = mustBe(bench.failures[0], 'dataLoss', 'COMMIT_LOST');
  assert.match(error.message, /lost-1 is gone.*clicks\/3 offsets 100 to 199; clicks\/4 offsets 7 to 7/);
  assert.match(error.help ?? '', /resolve/);
});

test('a missing verdict is a bug that ends the run, and no handle counts as settled', async () => {
  const bench = new Bench();
  const queue = new CommitQueue<readonly string[]>({
    committer: { commit: async () => [committed], abortOrphans: async () => ({ aborted: [], kept: 0 }) },
    epoch: 5,
    env: bench.virtual.env,
    signal: bench.abort.signal,
    onSettled: () => assert.fail('nothing is settled'),
    onLost: async (error) => {
      throw error;
    },
    onFailed: (error) => {
      bench.failures.push(error);
      bench.abort.abort();
    },
  });

  queue.add([handle('a'), handle('b')], 7);
  await bench.settle;

  mustBe(bench.failures[0], 'bug', 'ASSERTION');
  assert.equal(queue.size, 2);
});

test('a committer that throws ends the run and leaves every handle pending', async () => {
  const bench = new Bench(() => {
    throw new SluiceError('rejected', 'NO', { message: 'no' });
  });

  bench.queue.add([handle('a')], 7);
  await bench.settle;

  mustBe(bench.failures[0], 'rejected', 'NO');
  assert.equal(bench.queue.size, 1);
});

test('after the run has ended nothing is committed and no answer counts', async () => {
  const answer = Promise.withResolvers<Verdict>();
  const bench = new Bench(() => answer.promise);
  bench.queue.add([handle('a')], 7);
  await bench.settle;

  bench.abort.abort();
  bench.queue.stop();
  answer.resolve(committed);
  bench.queue.add([handle('b')], 8);
  await bench.virtual.advance(60_000);

  assert.deepEqual(bench.calls, [['a']]);
  assert.equal(bench.settledRounds, 0);
  assert.equal(bench.queue.size, 2);
});

test('a stopped queue has no timer left', async () => {
  const bench = new Bench(() => retryLater);
  bench.queue.add([handle('a')], 7);
  await bench.settle;

  bench.abort.abort();
  bench.queue.stop();

  await assert.rejects(bench.virtual.run(new Promise(() => {})), /nothing is left to happen/);
});
