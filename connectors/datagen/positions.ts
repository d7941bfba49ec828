import { type PositionCodec, SluiceError } from '../../core/spi.ts';

export interface DatagenPosition {
  /** The next record to generate. */
  readonly offset: number;
}

export const datagenPositions: PositionCodec<DatagenPosition> = {
  version: 1,
  encode: ({ offset }) => ({ offset }),
  decode: (version, value) => {
    const offset = typeof value === 'object' && value !== null && !Array.isArray(value) ? value.offset : undefined;
    if (version === 1 && typeof offset === 'number' && Number.isSafeInteger(offset) && offset >= 0) return { offset };
    throw new SluiceError('config', 'DATAGEN_POSITION', {
      message: `a position of datagen was recorded in version ${version} as ${JSON.stringify(value)}, which cannot be read`,
      help: 'Run the version of Sluice that wrote it, or a newer one.',
    });
  },
  compare: (a, b) => a.offset - b.offset,
  offsetNext: ({ offset }) => offset,
  rewind: (_, offset) => ({ offset }),
};
