import { SluiceError } from '../../core/spi.ts';
import type { KafkaPosition } from './positions.ts';

export type OutOfRangePolicy = 'fail' | 'earliest' | 'latest';

export type OutOfRangeVerdict =
  /** It is in range by now: the broker that refused was behind. */
  { kind: 'again' } | { kind: 'goOn'; position: KafkaPosition } | { kind: 'failed'; error: SluiceError };

/** What becomes of a split whose offset its broker refused, by what the log holds now. */
export function decideOutOfRange(
  split: string,
  wanted: number,
  { earliest, latest }: { earliest: KafkaPosition; latest: KafkaPosition },
  policy: OutOfRangePolicy,
): OutOfRangeVerdict {
  if (wanted >= earliest.offset && wanted <= latest.offset) return { kind: 'again' };
  if (policy === 'earliest') return { kind: 'goOn', position: earliest };
  if (policy === 'latest') return { kind: 'goOn', position: latest };
  const details = { split, wanted, earliest: earliest.offset, end: latest.offset };
  if (wanted < earliest.offset) {
    return {
      kind: 'failed',
      error: new SluiceError('dataLoss', 'KAFKA_OFFSET_OUT_OF_RANGE', {
        message: `${split}: the next offset to read (${wanted}) is older than the oldest the broker still has (${earliest.offset}; end ${latest.offset})`,
        help: `Records ${wanted}..${earliest.offset - 1} are gone. To go on from the oldest, set source.onOffsetOutOfRange: earliest`,
        details,
      }),
    };
  }
  return {
    kind: 'failed',
    error: new SluiceError('dataLoss', 'KAFKA_OFFSET_OUT_OF_RANGE', {
      message: `${split}: the next offset to read (${wanted}) lies behind the end of the log (oldest ${earliest.offset}, end ${latest.offset})`,
      help: 'The topic lost records or was made again. To go on, set source.onOffsetOutOfRange: earliest (repeats what is there) or latest.',
      details,
    }),
  };
}
