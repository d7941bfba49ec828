import type { Json, PositionCodec } from '../../core/spi.ts';
import { SluiceError } from '../../core/spi.ts';

/** Where reading a partition goes on. */
export interface KafkaPosition {
  /** The next offset to read. */
  readonly offset: number;
  /** The leader epoch of what was read last, by which a truncated log is noticed; -1 = not known. */
  readonly leaderEpoch: number;
}

export const kafkaPositions: PositionCodec<KafkaPosition> = {
  version: 1,
  encode: ({ offset, leaderEpoch }) => ({ offset, leaderEpoch }),
  decode(version, value) {
    if (version !== 1) {
      throw new SluiceError('config', 'KAFKA_POSITION_VERSION', {
        message: `the saved Kafka position has version ${version}, this program reads version 1`,
        help: 'Run a newer Sluice.',
        details: { version },
      });
    }
    const position = readPosition(value);
    if (position !== undefined) return position;
    throw new SluiceError('dataLoss', 'KAFKA_POSITION_MALFORMED', {
      message: `the saved Kafka position is not {offset, leaderEpoch}: ${JSON.stringify(value)}`,
      help: 'The checkpoint was changed by hand or damaged.',
    });
  },
  compare: (a, b) => a.offset - b.offset,
  offsetNext: ({ offset }) => offset,
  // The later epoch is still a part of the log's history, so it still tells a truncated log.
  rewind: ({ leaderEpoch }, offset) => ({ offset, leaderEpoch }),
};

function readPosition(value: Json): KafkaPosition | undefined {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return undefined;
  const { offset, leaderEpoch } = value;
  if (!Number.isSafeInteger(offset) || (offset as number) < 0) return undefined;
  if (!Number.isSafeInteger(leaderEpoch) || (leaderEpoch as number) < -1) return undefined;
  return { offset: offset as number, leaderEpoch: leaderEpoch as number };
}
