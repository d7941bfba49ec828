import { WireReader } from '../../connectors/kafka/wire.ts';
import type { Clock, Timers } from '../../core/contract/env.ts';
import type { ModelRequest } from './cluster-state.ts';
import type { KafkaModel } from './model.ts';

export interface PollTime {
  clock: Pick<Clock, 'monotonicMs'>;
  timers: Pick<Timers, 'after'>;
}

/** What a node answers in the end: a fetch that finds nothing waits for a change. Undefined once `isOver`: no answer at all. */
export function answerInTime(
  model: KafkaModel,
  request: ModelRequest,
  { clock, timers }: PollTime,
  isOver: () => boolean,
): Buffer | undefined | Promise<Buffer | undefined> {
  if (isOver()) return undefined;
  const { bytes, offset, end } = request.reader;
  const first = model.answer(request);
  if (first.waitMs <= 0) return first.body;

  const giveUpAtMs = clock.monotonicMs() + first.waitMs;
  const wait = async () => {
    for (;;) {
      const { promise, resolve } = Promise.withResolvers<void>();
      const forget = model.onChange(resolve);
      const cancel = timers.after(giveUpAtMs - clock.monotonicMs(), resolve);
      await promise;
      forget();
      cancel();
      if (isOver()) return undefined;
      const { body, waitMs } = model.answer({ ...request, reader: new WireReader(bytes, offset, end) });
      if (waitMs <= 0 || clock.monotonicMs() >= giveUpAtMs) return body;
    }
  };
  return wait();
}
