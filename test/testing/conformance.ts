import { type TestContext, test } from 'node:test';
import type { ConformanceCase } from '../../testing/conformance/case.ts';

type MakeHarness<H> = (t: TestContext) => H | Promise<H>;

/** Runs every case that this kind of harness can show on a harness of its own, and prints which it cannot. */
export function testConformance<H>(
  subject: string,
  cases: readonly ConformanceCase<H>[],
  makeHarness: MakeHarness<H>,
): void {
  test(subject, async (t) => await runConformance(t, cases, makeHarness));
}

/** The same below a test that has begun. */
export async function runConformance<H>(
  all: TestContext,
  cases: readonly ConformanceCase<H>[],
  makeHarness: MakeHarness<H>,
): Promise<void> {
  const capabilities = await makeHarness(all);
  for (const { name, unsupported, run } of cases) {
    const reason = unsupported?.(capabilities);
    if (reason === undefined) await all.test(name, async (t) => await run(await makeHarness(t)));
    else all.diagnostic(`${name}: not shown here, ${reason}`);
  }
}
