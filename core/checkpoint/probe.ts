import type { Env } from '../contract/env.ts';
import type { CallOptions, Store } from '../contract/store.ts';
import { SluiceError } from '../errors.ts';

const RIVALS = 8;

/**
 * A store proves its verbs before anything rests on them: of 8 concurrent creates at most one wins, the winner's bytes are at
 * once in `get` and `list`, the list is ordered and honours `startAfter`, a delete is seen. Throws `config` when it lies.
 */
export async function probeStore(store: Store, pipeline: string, env: Env, options: CallOptions): Promise<void> {
  const prefix = `${pipeline}/_probe-${env.ids.hex(8)}-`;
  const [first, second] = [`${prefix}1.json`, `${prefix}2.json`];
  const bodies = Array.from({ length: RIVALS }, (_, rival) => Buffer.from(`{"probe":${rival}}\n`));

  const outcomes = await Promise.all(bodies.map((body) => store.createIfAbsent(first, body, options)));
  const winners = outcomes.flatMap((outcome, rival) => (outcome === 'created' ? [rival] : []));
  await store.createIfAbsent(second, bodies[0] as Buffer, options);
  const found = await store.get(first, options);
  const all = await store.list(prefix, '', options);
  const after = await store.list(prefix, first, options);
  await store.delete(first, options);
  const left = await store.list(prefix, '', options);
  await store.delete(second, options);

  if (winners.length > 1)
    throw refused(store, `${winners.length} of ${RIVALS} concurrent creates of one key won instead of 1`);
  // No winner: a proxy may have sent the winning request twice, and its second answer was `exists`. The log can live with it.
  const written = bodies.filter((_, rival) => winners.length === 0 || winners.includes(rival));
  if (!written.some((body) => found !== undefined && body.equals(found)))
    throw refused(store, 'a read after the creates did not return what was created');
  if (all.join() !== [first, second].join())
    throw refused(store, 'a list after two creates did not show both in order');
  if (after.join() !== second) throw refused(store, 'a list with startAfter did not start there');
  if (left.join() !== second) throw refused(store, 'a list after a delete still showed the key');
}

function refused(store: Store, why: string): SluiceError {
  return new SluiceError('config', 'STORE_NOT_SAFE', {
    message: `the checkpoint store ${store.identity} cannot keep exactly-once: ${why}`,
    help: 'Use a store with conditional creates and consistent listings: a local or NFSv4 directory, or a store named in the README.',
    details: { store: store.identity, why },
  });
}
