import { describeCovers } from '../core/checkpoint/handles.ts';
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
    if (newest !== undefined && newest.pending.length === 0 && newest.sinks.main.state.length === 0)
      return `slot ${newest.seq}: nothing is pending and no file is open, so there is nothing to decide`;
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

export function resolutionText({ committed, lost, lostOpen, stored }: Resolution, choice: ResolveChoice): string {
  const { seq, sinks } = stored.slot;
  const lines = [`slot ${seq}: ${committed} committed, ${lost.length + lostOpen.length} lost`];
  for (const { id, covers } of lost)
    lines.push(`  ${choice === 'replay' ? 'will be read again' : 'given up'}: ${describeCovers(covers)} (${id})`);
  // These are never read again: a replay is refused while there are any.
  for (const { place, why, covers } of lostOpen)
    lines.push(`  given up: ${describeCovers(covers)} (open: ${place}: ${why})`);
  const open = sinks.main.state.length;
  if (open > 0) lines.push(`  still open: ${open} ${open === 1 ? 'file' : 'files'}, which the next start finishes`);
  return lines.join('\n');
}

/** What an operator looks for: when, by whom, how far, and what waits to become visible. */
function slotTable(slots: readonly Slot[]): string {
  const head = ['slot', 'kind', 'epoch', 'made at', 'by', 'splits', 'records', 'pending', 'open'];
  const rows = slots.map(({ seq, kind, epoch, createdAt, owner, source, stats, pending, sinks }) => {
    const open = sinks.main.state.length;
    const by = `${owner.host}:${owner.pid}`;
    return [seq, kind, epoch, createdAt, by, source.splits.length, stats.records, pending.length, open];
  });
  return table(head, rows);
}
