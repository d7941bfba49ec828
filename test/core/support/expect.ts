import assert from 'node:assert/strict';
import { type ErrorKind, SluiceError } from '../../../core/errors.ts';

/** The error with which `work` fails, of this kind and code. */
export async function failsWith(work: Promise<unknown>, kind: ErrorKind, code: string): Promise<SluiceError> {
  const outcome = await work.then(
    (value) => ({ value }),
    (error: unknown) => ({ error }),
  );
  if ('value' in outcome) assert.fail(`expected ${code}, but it resolved`);
  return mustBe(outcome.error, kind, code);
}

export function throwsWith(work: () => unknown, kind: ErrorKind, code: string): SluiceError {
  try {
    work();
  } catch (error) {
    return mustBe(error, kind, code);
  }
  assert.fail(`expected ${code}, but nothing was thrown`);
}

export function mustBe(error: unknown, kind: ErrorKind, code: string): SluiceError {
  if (!(error instanceof SluiceError)) throw error;
  assert.deepEqual([error.kind, error.code], [kind, code], error.message);
  return error;
}
