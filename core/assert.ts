import { SluiceError } from './errors.ts';

/** States what must hold here; broken means our own code is wrong, and the incarnation ends. */
export function assert(holds: boolean, what: string): asserts holds {
  if (!holds) throw new SluiceError('bug', 'ASSERTION', { message: `assertion failed: ${what}` });
}

/** For the default of a switch over a union: a new member does not compile until it is handled. */
export function unreachable(value: never): never {
  throw new SluiceError('bug', 'UNREACHABLE', { message: `unhandled case ${JSON.stringify(value)}` });
}
