import type { Env } from '../contract/env.ts';
import type { Committer } from '../contract/sink.ts';
import { toSluiceError } from '../errors.ts';
import type { CheckpointLog } from './log.ts';
import { namedIn } from './named.ts';
import type { SinkCodecs } from './open-parts.ts';
import { planRetention } from './protocol.ts';
import type { Slot } from './slot.ts';

const SWEEP_EVERY_MS = 600_000;
/** How long an orderly end waits for what is under way; what is left then is done after the next start. */
const FINISH_MS = 5_000;

export interface HousekeepingOptions<H, S> {
  readonly log: CheckpointLog;
  readonly claim: Slot;
  readonly sink: SinkCodecs<H, S>;
  readonly committer: Committer<H, S>;
  readonly env: Env;
  readonly retain: number;
  readonly signal: AbortSignal;
}

/**
 * Deletes slots that are not needed any more, and discards what crashed incarnations had staged. Beside the stream: whatever
 * fails here costs space and nothing else.
 */
export class Housekeeping<H, S> {
  readonly #options: HousekeepingOptions<H, S>;
  #newest: Slot;
  /** By number: the slots of this incarnation, and all others once they are read. One of ours may be read before we hear of it. */
  readonly #retained = new Map<number, Slot>();
  #knowsOthers = false;
  #retaining: Promise<void> | undefined;
  #sweeping: Promise<void> | undefined;
  #cancelSweep: (() => void) | undefined;

  constructor(options: HousekeepingOptions<H, S>) {
    this.#options = options;
    this.#newest = options.claim;
    this.#retained.set(options.claim.seq, options.claim);
  }

  /** Tells of a slot that this incarnation has made durable. */
  written(slot: Slot): void {
    this.#newest = slot;
    this.#retained.set(slot.seq, slot);
  }

  /** Applies retention, unless that is under way. */
  retain(): void {
    if (this.#options.signal.aborted) return;
    this.#retaining ??= this.#retain()
      .catch((error: unknown) => {
        // What could not be deleted now is deleted after the next checkpoint.
        this.#options.env.log.debug('old checkpoints could not be deleted', { cause: toSluiceError(error).message });
      })
      .finally(() => {
        this.#retaining = undefined;
      });
  }

  /** Discards orphans of older epochs now, and again every ten minutes. Only after the claim is durable. */
  sweep(): void {
    const { env, signal } = this.#options;
    this.#sweeping = this.#sweep()
      .catch((error: unknown) => {
        // Orphans are invisible to readers; the next sweep tries again.
        if (!signal.aborted) env.log.warn('orphans could not be discarded', { cause: toSluiceError(error).message });
      })
      .finally(() => {
        this.#sweeping = undefined;
        if (!signal.aborted) this.#cancelSweep = env.timers.after(SWEEP_EVERY_MS, () => this.sweep());
      });
  }

  /** Short runs, started again and again, would else never get round to it. */
  async finish(): Promise<void> {
    const { env, signal } = this.#options;
    this.retain();
    const done = new AbortController();
    const work = Promise.all([this.#retaining, this.#sweeping]).then(() => done.abort());
    await Promise.race([work, env.timers.sleep(FINISH_MS, { signal: AbortSignal.any([done.signal, signal]) })]);
  }

  stop(): void {
    this.#cancelSweep?.();
  }

  async #retain(): Promise<void> {
    const { log, retain, signal } = this.#options;
    if (!this.#knowsOthers) {
      await this.#readOthers();
      this.#knowsOthers = true;
    }
    const oldestFirst = [...this.#retained.values()].sort((a, b) => a.seq - b.seq);
    const newest = oldestFirst.at(-1) as Slot;
    const unsettledFrom = Math.min(Number.POSITIVE_INFINITY, ...newest.pending.map((handle) => handle.seq));
    for (const seq of planRetention(oldestFirst, { retain, unsettledFrom })) {
      if (signal.aborted) return;
      await log.delete(seq, { signal });
      this.#retained.delete(seq);
    }
  }

  /** A damaged slot below ours goes: nobody will go by it any more, and it would keep all that lies around it for ever. */
  async #readOthers(): Promise<void> {
    const { log, env, signal } = this.#options;
    for (const seq of await log.list(0, { signal })) {
      try {
        const stored = await log.read(seq, { signal });
        if (stored !== undefined) this.#retained.set(seq, stored.slot);
      } catch (error) {
        const { code, message } = toSluiceError(error);
        if (code !== 'SLOT_DAMAGED' || seq >= this.#newest.seq) throw error;
        env.log.warn('a damaged checkpoint below the newest one is deleted', { cause: message });
        await log.delete(seq, { signal });
      }
    }
  }

  async #sweep(): Promise<void> {
    const { log, claim, committer, env, sink, signal } = this.#options;
    const { pipeline, lineage, layout, shard, epoch } = claim;
    // A paused writer that went on may have made a number again that retention had deleted. Nobody commits what it names.
    this.#knowsOthers = false;
    this.retain();
    await this.#retaining;
    const retained = (await log.readAll(0, { signal })).map(({ slot }) => slot);
    // Slots may be deleted while they are read, but whatever of older epochs a later owner still has to commit or to finish is
    // named by our newest slot too.
    const keep = namedIn(this.#newest.sinks.main.identity, sink, [...retained, this.#newest]);
    signal.throwIfAborted();
    const scope = { pipeline, lineage, layout, shard, epochBelow: epoch };
    const { aborted } = await committer.abortOrphans(scope, keep, { signal });
    if (aborted.length > 0) env.log.info('discarded what a crashed run had staged', { files: aborted.length });
  }
}
