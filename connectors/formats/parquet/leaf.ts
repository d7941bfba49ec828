import { ByteWriter, type ParquetWriter, type SchemaElement } from 'hyparquet-writer';
import { writeDataPageV2, writePageHeader } from 'hyparquet-writer/src/datapage.js';
import { assert } from '../../../core/spi.ts';
import type { RowType, RowValue } from '../row-schema.ts';
import { Bounds, hasBounds, isOrderedByBytes, type Ordered } from './bounds.ts';
import { type Codec, codecName, compressors } from './codec.ts';
import { Dictionary } from './dictionary.ts';
import type { Output } from './output.ts';
import { PlainValues } from './plain.ts';

/** A page is full with so many values, or with so many bytes of them before compression. */
const [PAGE_VALUES, PAGE_BYTES] = [20_000, 1024 * 1024];
const SLOT_BYTES = 8;

/** Memory held by all leaves of a file, about. */
export interface Held {
  bytes: number;
}

export interface LeafShape {
  readonly type: RowType;
  /** The elements from the root down to the leaf. */
  readonly path: readonly SchemaElement[];
  readonly definitionMax: number;
  readonly repetitionMax: number;
}

/** The metadata of a finished chunk: plain values. */
export type WrittenChunk = ParquetWriter['pendingIndexes'][number];

type DataEncoding = 'PLAIN' | 'RLE' | 'RLE_DICTIONARY';
type Pages = { readonly bytes: Buffer; readonly rowFirst: number }[];

/** Gathers one page of a leaf at a time, and keeps the pages of its chunk, compressed. */
export class Leaf {
  readonly #shape: LeafShape;
  readonly #element: SchemaElement;
  readonly #codec: Codec;
  readonly #held: Held;
  readonly #plain: PlainValues | undefined;
  readonly #bounds = new Bounds();

  // The page that is being filled.
  #definitionLevels: number[] = [];
  #repetitionLevels: number[] = [];
  /** Booleans, or indexes into the dictionary. */
  #values: (number | boolean)[] = [];
  #pageEntries = 0;
  #pageRows = 0;

  // The chunk.
  #dictionary: Dictionary | undefined;
  #isDictionaryGrowing = false;
  #pages: Pages = [];
  #pagesBy = new Map<DataEncoding, number>();
  #entries = 0;
  #nulls = 0;
  #rows = 0;
  #bytesPlain = 0;
  #heldHere = 0;

  constructor(shape: LeafShape, codec: Codec, held: Held) {
    this.#shape = shape;
    this.#element = shape.path[shape.path.length - 1] as SchemaElement;
    this.#codec = codec;
    this.#held = held;
    this.#plain = shape.type.kind === 'boolean' ? undefined : new PlainValues(shape.type);
    this.#beginChunk();
  }

  put(value: RowValue | undefined, repetition: number, definition: number): void {
    if (value === null || value === undefined) {
      this.absent(repetition, definition);
      return;
    }
    this.#enter(repetition, this.#shape.definitionMax);
    if (this.#isDictionaryGrowing) this.#putInDictionary(value);
    else this.#putPlain(value);
  }

  absent(repetition: number, definition: number): void {
    assert(definition < this.#shape.definitionMax, 'a field that is not nullable has a value');
    this.#enter(repetition, definition);
    this.#nulls += 1;
  }

  /** Writes the chunk of all that was put to the file, and begins the next. */
  endChunk(file: Output): WrittenChunk {
    if (this.#isDictionaryGrowing && this.#pages.length === 0 && this.#dictionary?.isUseless) this.#giveUpDictionary();
    this.#endPage();
    const offsetStart = file.offset;
    const dictionaryStart = this.#pagesBy.has('RLE_DICTIONARY') ? BigInt(file.offset) : undefined;
    if (dictionaryStart !== undefined) this.#writeDictionary(file);
    const dataStart = file.offset;
    const locations = this.#pages.map(({ bytes, rowFirst }) => {
      const offset = BigInt(file.offset);
      file.adopt([bytes]);
      return { offset, compressed_page_size: bytes.length, first_row_index: BigInt(rowFirst) };
    });
    const written = {
      chunk: {
        file_offset: BigInt(offsetStart),
        meta_data: {
          type: this.#element.type as NonNullable<SchemaElement['type']>,
          encodings: [
            ...new Set([...(dictionaryStart === undefined ? [] : ['PLAIN' as const]), ...this.#pagesBy.keys()]),
          ],
          path_in_schema: this.#shape.path.slice(1).map(({ name }) => name),
          codec: codecName(this.#codec),
          num_values: BigInt(this.#entries),
          total_uncompressed_size: BigInt(this.#bytesPlain),
          total_compressed_size: BigInt(file.offset - offsetStart),
          data_page_offset: BigInt(dataStart),
          ...(dictionaryStart !== undefined && { dictionary_page_offset: dictionaryStart }),
          statistics: this.#statistics(),
          encoding_stats: [
            ...(dictionaryStart === undefined ? [] : [pageCount('DICTIONARY_PAGE', 'PLAIN', 1)]),
            ...[...this.#pagesBy].map(([encoding, count]) => pageCount('DATA_PAGE_V2', encoding, count)),
          ],
        },
      },
      ...(locations.length > 1 && { offsetIndex: { page_locations: locations } }),
    };
    this.#beginChunk();
    return written;
  }

  #beginChunk(): void {
    this.#dictionary = Dictionary.of(this.#shape.type);
    this.#isDictionaryGrowing = this.#dictionary !== undefined;
    this.#pages = [];
    this.#pagesBy = new Map();
    this.#entries = 0;
    this.#nulls = 0;
    this.#rows = 0;
    this.#bytesPlain = 0;
    this.#bounds.clear();
    this.#held.bytes -= this.#heldHere;
    this.#heldHere = 0;
  }

  #enter(repetition: number, definition: number): void {
    if (repetition === 0) {
      if (this.#isPageFull()) this.#endPage();
      this.#pageRows += 1;
    }
    const { definitionMax, repetitionMax } = this.#shape;
    this.#pageEntries += 1;
    if (definitionMax > 0) this.#definitionLevels.push(definition);
    if (repetitionMax > 0) this.#repetitionLevels.push(repetition);
    this.#hold((definitionMax > 0 ? SLOT_BYTES : 0) + (repetitionMax > 0 ? SLOT_BYTES : 0));
  }

  #hold(bytes: number): void {
    this.#heldHere += bytes;
    this.#held.bytes += bytes;
  }

  #putPlain(value: RowValue): void {
    if (this.#plain === undefined) {
      this.#values.push(value as boolean);
      this.#bounds.see(value as boolean);
      this.#hold(SLOT_BYTES);
    } else this.#hold(this.#putBounded(this.#plain, value));
  }

  /** Gives the bytes that the value takes. */
  #putBounded(plain: PlainValues, value: RowValue): number {
    const before = plain.length;
    const start = plain.put(value);
    const { type } = this.#shape;
    if (isOrderedByBytes(type)) this.#bounds.seeBytes(plain.buffer, start, plain.length);
    else if (hasBounds(type)) this.#bounds.see(value as Ordered);
    return plain.length - before;
  }

  #putInDictionary(value: RowValue): void {
    const dictionary = this.#dictionary as Dictionary;
    let index = dictionary.find(value);
    if (index === undefined) {
      const before = dictionary.heldBytes;
      index = dictionary.put(value);
      this.#putBounded(dictionary.plain, value);
      this.#hold(dictionary.heldBytes - before);
    }
    this.#values.push(index);
    this.#hold(SLOT_BYTES);
    if (dictionary.isTried && dictionary.isUseless) this.#giveUpDictionary();
  }

  /** From here on values are plain, those of this page included. Pages that have been ended need the dictionary still. */
  #giveUpDictionary(): void {
    const dictionary = this.#dictionary as Dictionary;
    const plain = this.#plain as PlainValues;
    const values = dictionary.values();
    for (const index of this.#values) plain.put(values[index as number] as RowValue);
    this.#hold(plain.length - this.#values.length * SLOT_BYTES);
    this.#values = [];
    this.#isDictionaryGrowing = false;
    if (this.#pagesBy.has('RLE_DICTIONARY')) return;
    this.#hold(-dictionary.heldBytes);
    this.#dictionary = undefined;
  }

  #isPageFull(): boolean {
    return this.#pageEntries >= PAGE_VALUES || (this.#plain !== undefined && this.#plain.length >= PAGE_BYTES);
  }

  #endPage(): void {
    const { path, definitionMax, repetitionMax } = this.#shape;
    const page = new ByteWriter();
    const { encoding, values, element } = this.#pageValues();
    const levels = definitionMax === 0 || repetitionMax === 0 ? new Array<number>(this.#pageEntries).fill(0) : [];
    this.#bytesPlain += writeDataPageV2({
      writer: page,
      column: {
        columnName: element.name,
        element,
        schemaPath: [...path],
        codec: codecName(this.#codec),
        compressors,
        stats: false,
        pageSize: 0,
        columnIndex: false,
        offsetIndex: false,
      },
      encoding,
      // Levels that are not stored are counted.
      pageData: {
        values,
        definitionLevels: definitionMax === 0 ? levels : this.#definitionLevels,
        repetitionLevels: repetitionMax === 0 ? levels : this.#repetitionLevels,
        maxDefinitionLevel: definitionMax,
      },
    });
    // A copy of just its size: Buffer.concat would keep parts of larger memory.
    const bytes = Buffer.from(page.getBuffer());
    this.#pages.push({ bytes, rowFirst: this.#rows });
    this.#pagesBy.set(encoding, (this.#pagesBy.get(encoding) ?? 0) + 1);
    this.#hold(bytes.length - this.#pageHeldBytes());
    this.#entries += this.#pageEntries;
    this.#rows += this.#pageRows;
    this.#definitionLevels = [];
    this.#repetitionLevels = [];
    this.#values = [];
    this.#plain?.clear();
    this.#pageEntries = 0;
    this.#pageRows = 0;
  }

  #pageHeldBytes(): number {
    const slots = this.#definitionLevels.length + this.#repetitionLevels.length + this.#values.length;
    return slots * SLOT_BYTES + (this.#plain?.length ?? 0);
  }

  /** The values of the page, as the library takes them. */
  #pageValues(): { encoding: DataEncoding; values: (number | boolean | Buffer)[]; element: SchemaElement } {
    const element = this.#element;
    if (this.#plain === undefined) return { encoding: 'RLE', values: this.#values, element };
    if (this.#isDictionaryGrowing) return { encoding: 'RLE_DICTIONARY', values: this.#values, element };
    // All values at once, in their encoding already, pass as one of fixed length; that of the column is not asked for here.
    const { bytes } = this.#plain;
    if (bytes.length === 0) return { encoding: 'PLAIN', values: [], element };
    const asOne = { ...element, type: 'FIXED_LEN_BYTE_ARRAY', type_length: bytes.length } as const;
    return { encoding: 'PLAIN', values: [bytes], element: asOne };
  }

  #writeDictionary(file: Output): void {
    const { plain, size } = this.#dictionary as Dictionary;
    const bytes = compressors[codecName(this.#codec)]?.(plain.bytes) ?? plain.bytes;
    const start = file.offset;
    writePageHeader(file, {
      type: 'DICTIONARY_PAGE',
      uncompressed_page_size: plain.length,
      compressed_page_size: bytes.length,
      dictionary_page_header: { num_values: size, encoding: 'PLAIN' },
    });
    this.#bytesPlain += file.offset - start + plain.length;
    file.appendBytes(bytes);
  }

  #statistics(): NonNullable<NonNullable<WrittenChunk['chunk']['meta_data']>['statistics']> {
    const { min, max } = this.#bounds;
    return {
      ...(min !== undefined && { min_value: min }),
      ...(max !== undefined && { max_value: max }),
      null_count: BigInt(this.#nulls),
    };
  }
}

function pageCount<Encoding extends DataEncoding>(
  page_type: 'DICTIONARY_PAGE' | 'DATA_PAGE_V2',
  encoding: Encoding,
  count: number,
) {
  return { page_type, encoding, count };
}
