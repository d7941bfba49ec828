import { hostname } from 'node:os';
import { namedIn } from '../core/checkpoint/named.ts';
import { refuseMovedSink } from '../core/checkpoint/restore.ts';
import type { PipelineFileOptions } from '../core/config/parse.ts';
import type { Env } from '../core/contract/env.ts';
import type { Orphan, OrphanListing } from '../core/contract/sink.ts';
import { SluiceError, toSluiceError } from '../core/errors.ts';
import { systemEnv } from '../core/runtime/system-env.ts';
import { openCheckpoints } from './checkpoint-admin.ts';
import { redactedError } from './error-text.ts';
import { loadPipelineFile } from './load.ts';
import { prettyLog } from './log.ts';
import { plainScreen } from './screen.ts';
import { table } from './table.ts';
import { elapsed, grouped, sizeText } from './units.ts';

/** `sluice orphans list`: what crashed runs have staged and nobody will commit. Claims nothing and discards nothing. */
export async function listOrphans(file: string): Promise<string> {
  const { options, redactText } = await loadPipelineFile(file);
  const log = prettyLog(plainScreen(process.stderr), { debug: false, redactText });
  const env = systemEnv({ host: hostname(), log });
  try {
    const { listing, epoch } = await findOrphans(options, env);
    return redactText(orphansText(listing, { epoch, nowMs: env.clock.nowMs() }));
  } catch (thrown) {
    throw redactedError(toSluiceError(thrown), redactText);
  }
}

interface FoundOrphans {
  readonly listing: OrphanListing;
  /** Of the newest instance, which runs or has ended: nobody can tell from here. */
  readonly epoch: number;
}

/** What the newest instance discards in its next sweep. */
async function findOrphans(options: PipelineFileOptions, env: Env): Promise<FoundOrphans> {
  const { sink } = options;
  if (sink.listOrphans === undefined) {
    throw new SluiceError('config', 'ORPHANS_NOT_LISTED', {
      message: `a ${sink.type} sink cannot list its orphans`,
      help: 'They are discarded after the next start all the same.',
    });
  }
  const { log, owner, signal } = await openCheckpoints(options, env);
  // The slots before what is staged: the other way round a slot could be gone already that names what was seen.
  const retained = (await log.readAll(0, { signal })).map(({ slot }) => slot);
  const newest = retained.at(-1);
  if (newest !== undefined) refuseMovedSink(newest, sink);
  const epoch = newest?.epoch ?? 0;
  const keep = namedIn(sink.identity, sink, retained);
  const listing = await sink.listOrphans({ ...owner, epochBelow: epoch }, keep, { env, signal });
  return { listing, epoch };
}

/** For people: the orphans, how many, and what becomes of them. */
export function orphansText(
  { orphans, kept, blindness }: OrphanListing,
  { epoch, nowMs }: { epoch: number; nowMs: number },
): string {
  const paragraphs = orphans.length === 0 ? [] : [orphanTable(orphans, nowMs)];
  paragraphs.push([...summary(orphans), ...(kept === 0 ? [] : [keptText(kept, epoch)])].join('\n'));
  if (blindness !== undefined) paragraphs.push(`But ${blindness.why}.\n  To be safe, ${blindness.help}.`);
  return paragraphs.join('\n\n');
}

function orphanTable(orphans: readonly Orphan[], nowMs: number): string {
  const hasIds = orphans.some(({ id }) => id !== undefined);
  const rows = orphans.map(({ place, id = '', epoch, bytes, stagedAtMs }) => [
    epoch,
    stagedAtMs === undefined ? '?' : elapsed(Math.max(0, nowMs - stagedAtMs)),
    bytes === undefined ? '?' : sizeText(bytes),
    place,
    ...(hasIds ? [id] : []),
  ]);
  return table(['epoch', 'age', 'size', 'where', ...(hasIds ? ['upload'] : [])], rows);
}

function summary(orphans: readonly Orphan[]): string[] {
  if (orphans.length === 0) return ['no orphans: no earlier run has left anything behind'];
  const known = orphans.flatMap(({ bytes = [] }) => bytes);
  const least = known.length < orphans.length ? 'at least ' : '';
  const size = `${least}${sizeText(known.reduce((sum, bytes) => sum + bytes, 0))}`;
  return [
    `${grouped(orphans.length)} ${orphans.length === 1 ? 'orphan' : 'orphans'}, ${size}, which no reader sees.`,
    'They are discarded after the next start, and every ten minutes while an instance runs.',
  ];
}

function keptText(kept: number, epoch: number): string {
  return (
    `${grouped(kept)} more ${kept === 1 ? 'is' : 'are'} staged and kept: named by a checkpoint, or of the newest instance ` +
    `(epoch ${epoch}); what that one leaves when it ends, the start after it discards.`
  );
}
