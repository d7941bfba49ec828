import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Reservation } from '../../../core/contract/memory.ts';
import { SharedMemoryBudget } from '../../../core/runtime/memory-budget.ts';
import { failsWith } from '../support/expect.ts';
import { VirtualEnv } from '../support/virtual-env.ts';

class Bench {
  readonly virtual = new VirtualEnv();
  readonly budget = new SharedMemoryBudget(100, this.virtual.env);
  /** The names of granted requests, in order. */
  readonly granted: string[] = [];
  readonly reservations = new Map<string, Reservation>();

  ask(name: string, bytes: number, signal?: AbortSignal): Promise<Reservation> {
    const asked = this.budget.reserve(bytes, { signal });
    asked.then(
      (reservation) => {
        this.granted.push(name);
        this.reservations.set(name, reservation);
      },
      () => undefined,
    );
    return asked;
  }

  release(name: string): void {
    this.reservations.get(name)?.release();
  }

  get used(): number {
    return this.virtual.gauges.get('memoryBytes') ?? 0;
  }
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

test('what fits is granted at once, what does not fit waits for a release', async () => {
  const bench = new Bench();
  bench.ask('a', 60);
  bench.ask('b', 60);
  await turn();
  assert.deepEqual(bench.granted, ['a']);

  bench.release('a');
  await turn();

  assert.deepEqual(bench.granted, ['a', 'b']);
  assert.equal(bench.used, 60);
});

test('first come first served: a small request does not overtake a large one that waits', async () => {
  const bench = new Bench();
  bench.ask('a', 60);
  bench.ask('large', 90);
  bench.ask('small', 1);
  await turn();
  assert.deepEqual(bench.granted, ['a']);

  bench.release('a');
  await turn();

  assert.deepEqual(bench.granted, ['a', 'large', 'small']);
});

test('a request larger than the whole budget is granted once nothing else is reserved', async () => {
  const bench = new Bench();
  bench.ask('a', 1);
  bench.ask('huge', 1_000);
  await turn();
  assert.deepEqual(bench.granted, ['a']);

  bench.release('a');
  await turn();

  assert.deepEqual(bench.granted, ['a', 'huge']);
  assert.equal(bench.used, 1_000);
});

test('shrinking a reservation lets the next in, growing one may overdraw and lets nobody in', async () => {
  const bench = new Bench();
  bench.ask('a', 100);
  bench.ask('b', 40);
  await turn();

  bench.reservations.get('a')?.resize(60);
  await turn();
  assert.deepEqual(bench.granted, ['a', 'b']);
  bench.reservations.get('b')?.resize(90);
  bench.ask('c', 1);
  await turn();

  assert.deepEqual(bench.granted, ['a', 'b']);
  assert.equal(bench.used, 150);
});

test('releasing twice is the same as once', async () => {
  const bench = new Bench();
  bench.ask('a', 60);
  bench.ask('b', 30);
  await turn();

  bench.release('a');
  bench.release('a');

  assert.equal(bench.used, 30);
});

test('a request that is called off while it waits rejects and lets those behind it pass', async () => {
  const bench = new Bench();
  const callOff = new AbortController();
  bench.ask('a', 60);
  const large = bench.ask('large', 90, callOff.signal);
  bench.ask('small', 10);
  await turn();

  callOff.abort();

  await failsWith(large, 'unavailable', 'CANCELLED');
  assert.deepEqual(bench.granted, ['a', 'small']);
  await failsWith(bench.ask('late', 1, callOff.signal), 'unavailable', 'CANCELLED');
});

test('calling off a request that was granted changes nothing', async () => {
  const bench = new Bench();
  const callOff = new AbortController();
  bench.ask('a', 60, callOff.signal);
  await turn();

  callOff.abort();

  assert.equal(bench.used, 60);
});

test('property: whatever is asked, resized and released, everybody is served in the end and nothing stays reserved', async () => {
  const sizes = fc.array(fc.record({ bytes: fc.nat({ max: 250 }), resize: fc.nat({ max: 250 }) }), { maxLength: 20 });
  await fc.assert(
    fc.asyncProperty(sizes, async (requests) => {
      const bench = new Bench();
      const served = requests.map(async ({ bytes, resize }) => {
        const reservation = await bench.budget.reserve(bytes);
        reservation.resize(resize);
        await Promise.resolve();
        reservation.release();
      });

      await Promise.all(served);

      assert.equal(bench.used, 0);
    }),
    { numRuns: 50 },
  );
});
