import { kafka } from '../../../connectors/kafka/index.ts';
import { type CounterName, type PipelineOptions, pipeline, systemEnv } from '../../../core/index.ts';
import type { Meter } from '../meter.ts';

export interface Drain {
  brokers: string;
  topic: string;
  sink: PipelineOptions['sink'];
  checkpoints: PipelineOptions['checkpoints'];
}

/** The whole engine through its public API: one bounded run from the earliest record to what is latest at its start. */
export async function drain({ brokers, topic, sink, checkpoints }: Drain, meter: Meter): Promise<void> {
  const counted: Record<CounterName, number> = {
    records: 0,
    bytes: 0,
    checkpoints: 0,
    files: 0,
    restarts: 0,
    fetches: 0,
  };
  const env = systemEnv({
    metrics: {
      add: (counter, n) => {
        if (counter === 'fetches' || counter === 'records') meter.batch();
        counted[counter] += n;
      },
      set: () => {},
    },
  });

  await pipeline({
    name: 'drain',
    source: kafka({ brokers: brokers.split(','), topics: [topic], start: 'earliest', stop: 'latest' }),
    sink,
    checkpoints,
  }).run({ env });
  if (counted.restarts > 0) throw new Error(`${counted.restarts} restarts: the measurement is worth nothing`);
  meter.done({ records: counted.records, bytes: counted.bytes, checkpoints: counted.checkpoints });
}
