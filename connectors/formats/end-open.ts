import { assert, SluiceError } from '../../core/spi.ts';
import { type FileEnder, readJournal } from './journal.ts';
import { endParquet } from './parquet/encoder.ts';
import { PARQUET } from './parquet/journal.ts';

/**
 * The bytes that end a file which an earlier incarnation had open. How is said by its journal alone, as settings may have become
 * others since. Throws `config` for a journal of a later version.
 */
export async function endOpen(journal: AsyncIterable<Buffer>, prefixBytes: number): Promise<Buffer[]> {
  let ender: FileEnder | undefined;
  await readJournal(journal, {
    value: (value) => {
      if (ender === undefined) ender = enderOf(value);
      else ender.value(value);
    },
    record: (record) => ender?.record(record),
  });
  assert(ender !== undefined, 'a journal begins with what it is of');
  return ender.end(prefixBytes);
}

function enderOf(first: unknown): FileEnder {
  const { format } = first as { readonly format: string };
  if (format === PARQUET) return endParquet(first as Parameters<typeof endParquet>[0]);
  throw new SluiceError('config', 'OPEN_PART_FORMAT', {
    message: `a file that stays open is of format ${format}, which this version of Sluice does not know`,
    help: 'Run the version of Sluice that wrote it, or a newer one.',
  });
}
