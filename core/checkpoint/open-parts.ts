import { assert } from '../assert.ts';
import type { Covers, FinishedPart, Sink, SinkSession } from '../contract/sink.ts';
import { SluiceError } from '../errors.ts';
import { describeCovers } from './handles.ts';
import type { Slot } from './slot.ts';

/** How a sink's part of the slots is read and written. */
export type SinkCodecs<H, S> = Pick<Sink<H, S>, 'type' | 'handles' | 'states'>;
export type SlotState = Slot['sinks']['main']['state'];

/** The parts that were open when this slot was made. Throws `config` when the sink keeps none. */
export function openPartsOf<S>({ type, states }: Pick<SinkCodecs<unknown, S>, 'type' | 'states'>, slot: Slot): S[] {
  const { state } = slot.sinks.main;
  if (state.length === 0) return [];
  if (states === undefined) {
    throw new SluiceError('config', 'OPEN_PARTS_UNKNOWN', {
      message: `slot ${slot.seq} names parts that stay open across checkpoints, which a ${type} sink of this version does not know`,
      help: 'Run the version that wrote it, or a later one, and stop it with SIGTERM, which closes them.',
      details: { seq: slot.seq, parts: state.length },
    });
  }
  return state.map(({ version, value }) => states.decode(version, value));
}

/** Open parts as slots carry them. */
export function openPartsState<S>(
  { states }: Pick<SinkCodecs<unknown, S>, 'states'>,
  open: readonly S[] = [],
): SlotState {
  if (open.length === 0) return [];
  assert(states !== undefined, 'a sink with parts that stay open says how slots keep them');
  return open.map((part) => ({ version: states.version, value: states.encode(part) }));
}

/** One verdict for each part that an earlier incarnation had open, in order. */
export async function finishOpenParts<H, S>(
  session: SinkSession<H, S>,
  open: readonly S[],
): Promise<FinishedPart<H>[]> {
  if (open.length === 0) return [];
  assert(session.finishOpen !== undefined, 'a sink with parts that stay open finishes them');
  const finished = await session.finishOpen(open);
  assert(finished.length === open.length, 'a sink gives one verdict per open part');
  return finished;
}

export function openPartsLost(lost: readonly { place: string; why: string; covers: Covers }[]): SluiceError {
  const [first] = lost;
  const others = lost.length > 1 ? ` and ${lost.length - 1} more` : '';
  return new SluiceError('dataLoss', 'OPEN_PARTS_LOST', {
    message: `a file that an earlier run was still writing is lost: ${first?.place}${others}: ${first?.why}`,
    help:
      `It held ${lost.map(({ covers }) => describeCovers(covers)).join(', ')}. Put it back; or run \`sluice checkpoints ` +
      'resolve --accept-lost` and fetch those with a second pipeline (source.start: offsets, source.stop: offsets).',
    details: { places: lost.map(({ place }) => place) },
  });
}
