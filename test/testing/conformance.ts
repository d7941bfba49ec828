import { type TestContext, test } from 'node:test';
import type { ConformanceCase } from '../../testing/conformance/case.ts';

/** Runs every case that this kind of harness can show on a harness of its own, and prints which it cannot. */
export function testConformance<H>(
  subject: string,
  cases: readonly ConformanceCase<H>[],
  makeHarness: (t: TestContext) => H | Promise<H>,
): void {
  test(subject, async (all) => {
    const capabilities = await makeHarness(all);
    for (const { name, unsupported, run } of cases) {
      const reason = unsupported?.(capabilities);
      if (reason === undefined) await all.test(name, async (t) => await run(await makeHarness(t)));
      else all.diagnostic(`${name}: not shown here, ${reason}`);
    }
  });
}
