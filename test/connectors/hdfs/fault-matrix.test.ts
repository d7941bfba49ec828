import assert from 'node:assert/strict';
import { test } from 'node:test';
import { WireError, type WireRequest, type WireResponse } from '../../../connectors/hdfs/webhdfs/wire.ts';
import type { Env } from '../../../core/contract/env.ts';
import { labelOf } from '../../../testing/hdfs/addresses.ts';
import { refusal } from '../../../testing/hdfs/errors.ts';
import type { HdfsResponse } from '../../../testing/hdfs/http.ts';
import type { HdfsModel } from '../../../testing/hdfs/model.ts';
import { cut, newModel, ROOT, STORE_ROOT, stagedIn } from './support/scene.ts';
import { refusedConnection } from './support/scripted-wire.ts';
import { VirtualPipeline, type WireOf } from './support/virtual-run.ts';

/** How many requests in a row a fault befalls. */
const TIMES = 3;
/** As long as the wire of the connector waits for a byte. */
const SILENCE_MS = 60_000;
/** A restart, and the rounds of all that waits meanwhile. */
const EXTRA_MS_MAX = 10_000;

const STAGING = `${ROOT}/.staging`;
const SLOTS = `${STORE_ROOT}/virtual/000001/`;
const TEMPORARY = `${STORE_ROOT}/.tmp/`;
/** When the probe of the store is over, and slots are written one after the other. */
const AMID_MS = 1_000;

interface Struckable {
  /** By the kind of node that is asked, operation and path. */
  readonly pattern: string;
  readonly fromMs?: number;
}

const REQUESTS: Record<string, Struckable> = {
  'CREATE of a part at the NameNode': { pattern: `nn hdfs.CREATE ${STAGING}/` },
  'CREATE of a part at the DataNode': { pattern: `dn hdfs.CREATE ${STAGING}/` },
  'CREATE of a probe at the NameNode': { pattern: `nn hdfs.CREATE ${TEMPORARY}` },
  'CREATE of a probe at the DataNode': { pattern: `dn hdfs.CREATE ${TEMPORARY}` },
  'CREATE of a slot at the NameNode': { pattern: `nn hdfs.CREATE ${TEMPORARY}`, fromMs: AMID_MS },
  'CREATE of a slot at the DataNode': { pattern: `dn hdfs.CREATE ${TEMPORARY}`, fromMs: AMID_MS },
  'RENAME of a file left by an earlier run': { pattern: `nn hdfs.RENAME ${STAGING}/` },
  'RENAME of a file': { pattern: `nn hdfs.RENAME ${STAGING}/`, fromMs: AMID_MS },
  'RENAME of the first slot': { pattern: `nn hdfs.RENAME ${TEMPORARY}\\S+ ${SLOTS}` },
  'RENAME of a slot': { pattern: `nn hdfs.RENAME ${TEMPORARY}\\S+ ${SLOTS}`, fromMs: AMID_MS },
  'MKDIRS of a topic': { pattern: `nn hdfs.MKDIRS ${ROOT}/datagen$` },
  'MKDIRS of a shard': { pattern: `nn hdfs.MKDIRS ${SLOTS}` },
  'GETFILESTATUS at the start': { pattern: `nn hdfs.GETFILESTATUS ${ROOT}$` },
  'GETFILESTATUS of a part': { pattern: `nn hdfs.GETFILESTATUS ${STAGING}/` },
  'LISTSTATUS of what is staged': { pattern: `nn hdfs.LISTSTATUS_BATCH ${STAGING}$` },
  'LISTSTATUS of slots': { pattern: `nn hdfs.LISTSTATUS_BATCH ${SLOTS}` },
  'DELETE of an orphan': { pattern: `nn hdfs.DELETE ${STAGING}/` },
  'DELETE of a slot': { pattern: `nn hdfs.DELETE ${SLOTS}` },
  'OPEN of a slot at the NameNode': { pattern: `nn hdfs.OPEN ${SLOTS}` },
  'OPEN of a slot at the DataNode': { pattern: `dn hdfs.OPEN ${SLOTS}` },
};

interface Struck {
  readonly request: WireRequest;
  readonly signal: AbortSignal | undefined;
  /** Lets it happen. */
  readonly effect: (request: WireRequest) => Promise<WireResponse>;
  readonly timers: Env['timers'];
}

type Fault = (struck: Struck) => Promise<WireResponse>;

const FAULTS: Record<string, Fault> = {
  'finds no connection': async () => {
    throw refusedConnection();
  },
  'takes effect without an answer': async ({ request, effect }) => {
    await effect(request);
    throw cut();
  },
  'is answered with 503': async () => answer({ status: 503, headers: {}, body: Buffer.from('<html>') }),
  'is answered with 500': async () => answer({ ...refusal('IOException', 'No space left'), status: 500 }),
  'is answered by a standby': async () => answer(refusal('StandbyException', 'not supported in state standby')),
  'meets safe mode': async () => answer(refusal('SafeModeException', 'Name node is in safe mode.')),
  'is cut amid the body': async ({ request, effect }) => {
    if (request.body !== undefined) return await effect({ ...request, body: halfOf(request.body) });
    const { body, ...head } = await effect(request);
    return { ...head, body: halfOf(body) };
  },
  'is never answered': ({ signal, timers }) =>
    new Promise((_, reject) => {
      signal?.addEventListener('abort', () => reject(signal.reason));
      timers.after(SILENCE_MS, () => reject(new WireError(`no answer for ${SILENCE_MS} ms`, { isSent: true })));
    }),
};

const answer = ({ status, headers, body }: HdfsResponse): WireResponse => ({
  ...{ status, headers },
  body: (async function* () {
    yield body;
  })(),
});

/** The first half of the first piece, and then the end of the connection. */
async function* halfOf(body: Buffer | AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  for await (const piece of Buffer.isBuffer(body) ? [body] : body) {
    yield piece.subarray(0, Math.ceil(piece.length / 2));
    break;
  }
  throw cut();
}

/** Lets a fault befall the first requests of a kind; `struck` says how many. */
function striking(model: HdfsModel, { pattern, fromMs = 0 }: Struckable, fault: Fault) {
  const expression = new RegExp(`^${pattern}`);
  let struck = 0;
  const isMeant = ({ method, url, headers }: WireRequest) => {
    const who = model.dataNodes.some((dataNode) => url.startsWith(dataNode.url)) ? 'dn' : 'nn';
    return expression.test(`${who} ${labelOf({ method, url, headers })}`);
  };
  const wireOf: WireOf = (plain, virtual) => ({
    exchange: async (request, { signal }) => {
      const effect = (sent: WireRequest) => plain.exchange(sent, { signal });
      if (struck === TIMES || virtual.nowMs < fromMs || !isMeant(request)) return effect(request);
      struck++;
      return await fault({ request, signal, effect, timers: virtual.env.timers });
    },
  });
  return { wireOf, struck: () => struck };
}

/** A cluster on which a run has died amid a part, with files and slots there already. */
async function afterADeath(): Promise<HdfsModel> {
  const model = newModel();
  await new VirtualPipeline(model).dieAfter(1_700);
  return model;
}

const undisturbed = await new VirtualPipeline(await afterADeath(), { pid: 2 }).end();

test('the undisturbed run reads every record to its end', () => {
  assert.equal(new Set(undisturbed.lines).size, 40);
  assert.equal(undisturbed.lines.length, 40);
  assert.equal(undisturbed.restarts, 0);
});

for (const [request, struckable] of Object.entries(REQUESTS))
  for (const [what, fault] of Object.entries(FAULTS))
    test(`${request} ${what}, up to ${TIMES} times: exact`, async () => {
      const model = await afterADeath();
      const { wireOf, struck } = striking(model, struckable, fault);

      const ran = await new VirtualPipeline(model, { pid: 2, wireOf }).end();

      assert.ok(struck() > 0, 'struck');
      assert.deepEqual(ran.lines, undisturbed.lines);
      assert.ok(ran.restarts <= TIMES, `${ran.restarts} restarts`);
      assert.ok(ran.ms <= undisturbed.ms + TIMES * (SILENCE_MS + EXTRA_MS_MAX), `${ran.ms} ms`);
      const next = await new VirtualPipeline(model, { pid: 3 }).end();
      assert.deepEqual(next.lines, undisturbed.lines);
      assert.deepEqual(stagedIn(model), [], 'the next start leaves nothing staged');
    });
