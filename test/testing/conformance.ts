import { type TestContext, test } from 'node:test';
import type { ConformanceCase } from '../../testing/conformance/case.ts';

/** Runs every case on a harness of its own. */
export function testConformance<H>(
  subject: string,
  cases: readonly ConformanceCase<H>[],
  makeHarness: (t: TestContext) => H | Promise<H>,
): void {
  for (const { name, unsupported, run } of cases) {
    test(`${subject}: ${name}`, async (t) => {
      const harness = await makeHarness(t);
      const reason = unsupported?.(harness);
      if (reason === undefined) await run(harness);
      else t.skip(reason);
    });
  }
}
