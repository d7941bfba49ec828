import { z } from 'zod';
import { type Covers, type FinishedPart, type SinkContext, SluiceError, type VersionedCodec } from '../../core/spi.ts';
import { Slots } from './slots.ts';

/** A part that stays open across checkpoints: where it lies, and what of it is durable. */
export interface OpenPartState<O = unknown> {
  readonly place: O;
  readonly covers: Covers;
  readonly records: number;
}

const version1 = z.strictObject({
  place: z.json(),
  covers: z.record(z.string(), z.tuple([z.number(), z.number()])),
  records: z.int().min(1),
});

/** How slots keep open parts, by how they keep places. */
export function openPartStates<O>(places: VersionedCodec<O>): VersionedCodec<OpenPartState<O>> {
  return {
    version: places.version,
    encode: ({ place, covers, records }) => ({
      place: places.encode(place),
      covers: Object.fromEntries(Object.entries(covers).map(([split, [from, to]]) => [split, [from, to]])),
      records,
    }),
    decode: (version, value) => {
      if (version > places.version) throw newerState(version, places.version);
      const { place, covers, records } = version1.parse(value);
      return { place: places.decode(version, place), covers, records };
    },
  };
}

function newerState(version: number, known: number): SluiceError {
  return new SluiceError('config', 'OPEN_PART_VERSION', {
    message: `a file that stays open was recorded in version ${version}, this version of Sluice reads up to ${known}`,
    help: 'Run the version of Sluice that wrote it, or a newer one.',
  });
}

/** What became of one place. */
export type Ended<H> =
  | { readonly kind: 'staged'; readonly payload: H; readonly bytes: number }
  | { readonly kind: 'lost'; readonly place: string; readonly why: string };

/** Something that a state names is not there any more, or not all of it; the message says what. */
export class Missing extends Error {}

/** What `end` makes of a place, or that it is lost. */
export async function endOrLose<H>(place: string, end: () => Promise<Ended<H>>): Promise<Ended<H>> {
  try {
    return await end();
  } catch (error) {
    if (error instanceof Missing) return { kind: 'lost', place, why: error.message };
    throw error;
  }
}

/** How a place ends its open parts. */
export interface FinishOptions<O> {
  /** The `kind` of every handle. */
  readonly handleKind: string;
  readonly inParallel: number;
  /** About what it takes to end this one; taken from the budget meanwhile. */
  memoryFor(place: O): number;
}

/** Ends open parts of an earlier incarnation. */
export async function finishParts<H, O>(
  parts: readonly OpenPartState<O>[],
  { handleKind, inParallel, memoryFor }: FinishOptions<O>,
  { memory, signal }: Pick<SinkContext, 'memory' | 'signal'>,
  end: (place: O) => Promise<Ended<H>>,
): Promise<FinishedPart<H>[]> {
  const slots = new Slots(inParallel);
  return await Promise.all(
    parts.map(async ({ place, covers, records }): Promise<FinishedPart<H>> => {
      const ended = await slots.run(async () => {
        // Never all of it: what others hold for good must not make this wait for ever.
        const bytes = Math.min(memoryFor(place), memory.limitBytes / 2);
        const reservation = await memory.reserve(bytes, { signal });
        try {
          return await end(place);
        } finally {
          reservation.release();
        }
      });
      if (ended.kind === 'lost') return { ...ended, covers };
      const { payload, bytes } = ended;
      return { kind: 'staged', handle: { kind: handleKind, phase: 0, covers, records, bytes, payload } };
    }),
  );
}
