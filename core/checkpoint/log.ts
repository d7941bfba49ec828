import { assert } from '../assert.ts';
import type { Env } from '../contract/env.ts';
import type { Store } from '../contract/store.ts';
import { SluiceError } from '../errors.ts';
import { untilAvailable } from './lookup.ts';
import { judgeListing } from './protocol.ts';
import { decodeSlot, encodeSlot, isReadable, type Slot, type StoredSlot, sha256Of } from './slot.ts';

export interface LogPlace {
  readonly pipeline: string;
  readonly layout: number;
  readonly shard: number;
}

export interface LogCall {
  readonly signal: AbortSignal;
  /** Monotonic: an unknown outcome is looked up until then. */
  readonly deadlineMs: number;
}

export type AppendResult =
  /** Durable, ours, and nobody is above it. */
  | { kind: 'written'; stored: StoredSlot }
  /** Somebody else wrote this number; undefined when what they wrote cannot be read by this version. */
  | { kind: 'taken'; by: StoredSlot | undefined };

/** One shard's checkpoint log on a store of four verbs: numbered slots, written once, never changed. */
export class CheckpointLog {
  readonly #store: Store;
  readonly #env: Env;
  readonly #prefix: string;

  constructor(store: Store, env: Env, place: LogPlace) {
    this.#store = store;
    this.#env = env;
    this.#prefix = `${place.pipeline}/${digits(place.layout, 6)}/${digits(place.shard, 4)}/`;
  }

  /** The numbers in the log above `after`, in order. */
  async list(after: number, { signal }: Pick<LogCall, 'signal'>): Promise<number[]> {
    const keys = await this.#store.list(this.#prefix, after === 0 ? '' : this.#keyOf(after), { signal });
    return keys.map((key) => this.#seqOf(key)).filter((seq) => seq !== undefined);
  }

  async read(seq: number, { signal }: Pick<LogCall, 'signal'>): Promise<StoredSlot | undefined> {
    const bytes = await this.#store.get(this.#keyOf(seq), { signal });
    return bytes === undefined ? undefined : { slot: decodeSlot(bytes, this.where(seq)), sha256: sha256Of(bytes) };
  }

  /** Every slot above `after`, oldest first; one that is deleted while we read is left out. */
  async readAll(after: number, call: Pick<LogCall, 'signal'>): Promise<StoredSlot[]> {
    const slots: StoredSlot[] = [];
    for (const seq of await this.list(after, call)) {
      const stored = await this.read(seq, call);
      if (stored !== undefined) slots.push(stored);
    }
    return slots;
  }

  /**
   * Writes the slot if its number is free and then proves that the log is still ours. A lost response is looked up: only the
   * same bytes count as ours, and a number once sent is only ever sent again with the same bytes. Throws `fenced` when a
   * higher slot exists, `dataLoss` when the log was deleted, `unavailable` when the outcome stays unknown: then everything
   * staged must be left alone.
   */
  async append(slot: Slot, call: LogCall): Promise<AppendResult> {
    const bytes = encodeSlot(slot);
    const sha256 = sha256Of(bytes);
    // One that cannot be read back would end the pipeline for ever; unsent, it ends this incarnation.
    assert(isReadable(bytes), `slot ${slot.seq} can be read back`);
    let sent = false;
    const outcome = await untilAvailable(this.#env, call, async () => {
      if (sent) {
        const found = await this.#store.get(this.#keyOf(slot.seq), { signal: call.signal });
        if (found !== undefined) return this.#compare(found, sha256, slot.seq);
      }
      sent = true;
      const answer = await this.#store.createIfAbsent(this.#keyOf(slot.seq), bytes, { signal: call.signal });
      if (answer === 'created') return 'mine';
      const found = await this.#store.get(this.#keyOf(slot.seq), { signal: call.signal });
      if (found !== undefined) return this.#compare(found, sha256, slot.seq);
      throw new SluiceError('unavailable', 'SLOT_OUTCOME_UNKNOWN', {
        message: `${this.where(slot.seq)} exists for a create and not for a read`,
      });
    });
    if (outcome !== 'mine') return outcome;
    await this.proveOwner(slot, call);
    return { kind: 'written', stored: { slot, sha256 } };
  }

  /** Lists from the predecessor of `slot` on and throws unless `slot` is the newest and its predecessor still there. */
  async proveOwner(slot: Slot, call: LogCall): Promise<void> {
    const previous = slot.previous?.seq;
    const after = previous === undefined ? 0 : previous - 1;
    const listed = await untilAvailable(this.#env, call, () => this.list(after, call));
    const verdict = judgeListing(listed, slot.seq, previous);
    if (verdict.kind === 'fenced') throw await this.#fencedBy(verdict.by, call);
    if (verdict.kind === 'deleted') throw this.#stateDeleted(verdict.missing);
  }

  /** Nobody misses it if it is gone already; `store.delete` is idempotent. */
  async delete(seq: number, { signal }: Pick<LogCall, 'signal'>): Promise<void> {
    await this.#store.delete(this.#keyOf(seq), { signal });
  }

  where(seq: number): string {
    return `${this.#store.identity}/${this.#keyOf(seq)}`;
  }

  /** Asked once: whose slot it is makes the message better, that it is there has decided already. */
  async #fencedBy(seq: number, call: LogCall): Promise<SluiceError> {
    const by = await this.read(seq, call).catch(() => undefined);
    return fenced(by?.slot, seq);
  }

  /** Other bytes are somebody else's, whether this version can read them or not. */
  #compare(found: Uint8Array, sha256: string, seq: number): 'mine' | Extract<AppendResult, { kind: 'taken' }> {
    const foundSha256 = sha256Of(found);
    if (foundSha256 === sha256) return 'mine';
    const where = this.where(seq);
    return {
      kind: 'taken',
      by: isReadable(found) ? { slot: decodeSlot(found, where), sha256: foundSha256 } : undefined,
    };
  }

  #stateDeleted(missing: number): SluiceError {
    return new SluiceError('dataLoss', 'STATE_DELETED', {
      message: `${this.where(missing)} is gone: the checkpoint log was deleted while the pipeline was running`,
      help: 'Restore the folder from a backup, or find out who deletes in it. What was written so far is safe in the output.',
      details: { missing },
    });
  }

  #keyOf(seq: number): string {
    return `${this.#prefix}${digits(seq, 12)}.json`;
  }

  #seqOf(key: string): number | undefined {
    const match = /^(\d{12})\.json$/.exec(key.slice(this.#prefix.length));
    return match === null ? undefined : Number(match[1]);
  }
}

export function fenced(by: Slot | undefined, seq: number): SluiceError {
  const who =
    by === undefined ? 'another instance' : `${by.owner.host} (pid ${by.owner.pid}, Sluice ${by.owner.version})`;
  return new SluiceError('fenced', 'FENCED', {
    message: `${by?.pipeline ?? 'this pipeline'} was taken over by ${who} with slot ${seq}; this instance stops and touches nothing`,
    help: 'Nothing is lost. Run one instance of a pipeline at a time.',
    details: { seq, owner: by?.owner },
  });
}

function digits(n: number, width: number): string {
  return String(n).padStart(width, '0');
}
