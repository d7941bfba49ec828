import type { Resolution, ResolveChoice } from '../core/checkpoint/resolve.ts';
import type { Slot } from '../core/checkpoint/slot.ts';
import { toSluiceError } from '../core/errors.ts';
import { type CheckpointAdmin, openCheckpointAdmin } from './checkpoint-admin.ts';
import { redactedError } from './error-text.ts';
import { loadPipelineFile } from './load.ts';
import { table } from './table.ts';

/** `sluice checkpoints list`: one line per retained slot, the newest last. */
export function listCheckpoints(file: string): Promise<string> {
  return withAdmin(file, async (admin) => slotTable(await admin.list()));
}

/** `sluice checkpoints show`: the slot as it stands in the store. */
export function showCheckpoint(file: string, seq?: number): Promise<string> {
  return withAdmin(file, async (admin) => (await admin.show(seq)).trimEnd());
}

/** `sluice checkpoints resolve`: what was done, in a few lines. */
export function resolveCheckpoints(file: string, choice: ResolveChoice, reason: string): Promise<string> {
  return withAdmin(file, async (admin) => {
    const newest = (await admin.list()).at(-1);
    // Deciding takes the pipeline over; with nothing to decide a healthy instance is left alone.
    if (newest?.pending.length === 0) return `slot ${newest.seq}: nothing is pending, so there is nothing to decide`;
    return resolutionText(await admin.resolve(choice, reason), choice);
  });
}

async function withAdmin(file: string, use: (admin: CheckpointAdmin) => Promise<string>): Promise<string> {
  const { options, redactText } = await loadPipelineFile(file);
  try {
    return await use(await openCheckpointAdmin(options));
  } catch (thrown) {
    throw redactedError(toSluiceError(thrown), redactText);
  }
}

export function resolutionText({ committed, lost, stored }: Resolution, choice: ResolveChoice): string {
  const lines = [`slot ${stored.slot.seq}: ${committed} committed, ${lost.length} lost`];
  for (const { id, covers } of lost) {
    const ranges = Object.entries(covers).map(([split, [from, to]]) => `${split} ${from}..${to - 1}`);
    lines.push(`  ${choice === 'replay' ? 'will be read again' : 'given up'}: ${ranges.join(', ')} (${id})`);
  }
  return lines.join('\n');
}

/** What an operator looks for: when, by whom, how far, and whether anything waits to become visible. */
function slotTable(slots: readonly Slot[]): string {
  const head = ['slot', 'kind', 'epoch', 'made at', 'by', 'splits', 'records', 'pending'];
  const rows = slots.map(({ seq, kind, epoch, createdAt, owner, source, stats, pending }) => {
    const by = `${owner.host}:${owner.pid}`;
    return [seq, kind, epoch, createdAt, by, source.splits.length, stats.records, pending.length];
  });
  return table(head, rows);
}
