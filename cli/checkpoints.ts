import type { Slot } from '../core/checkpoint/slot.ts';
import { openCheckpointAdmin } from './checkpoint-admin.ts';
import { table } from './table.ts';

/** `sluice checkpoints list`: one line per retained slot, the newest last. */
export async function listCheckpoints(file: string): Promise<string> {
  const admin = await openCheckpointAdmin(file);
  return slotTable(await admin.list());
}

/** `sluice checkpoints show`: the slot as it stands in the store. */
export async function showCheckpoint(file: string, seq?: number): Promise<string> {
  const admin = await openCheckpointAdmin(file);
  return (await admin.show(seq)).trimEnd();
}

/** What an operator looks for: when, by whom, how far, and whether anything waits to become visible. */
export function slotTable(slots: readonly Slot[]): string {
  const head = ['slot', 'kind', 'epoch', 'made at', 'by', 'splits', 'records', 'pending'];
  const rows = slots.map(({ seq, kind, epoch, createdAt, owner, source, stats, pending }) => {
    const by = `${owner.host}:${owner.pid}`;
    return [seq, kind, epoch, createdAt, by, source.splits.length, stats.records, pending.length];
  });
  return table(head, rows);
}
