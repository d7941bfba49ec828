import { deflateRawSync, zstdCompressSync } from 'node:zlib';
import { z } from 'zod';
import { type Ids, size } from '../../core/spi.ts';
import { avroSchemaOf } from './avro-types.ts';
import { fieldWriter, type WriteValue } from './avro-values.ts';
import { ByteWriter } from './byte-writer.ts';
import type { FormatRecord, PartEncoder, RecordFormat } from './part-encoder.ts';
import type { Column } from './row-schema.ts';
import { type RowReader, rowReader } from './rows.ts';

const MAGIC = Buffer.from('Obj\u0001');
const SYNC_BYTES = 16;
const END_OF_MAP = 0;

/** What a codec is called in a file, and how it packs a block. */
const CODECS = {
  none: { avroName: 'null', pack: undefined },
  deflate: { avroName: 'deflate', pack: (bytes: Buffer): Buffer => deflateRawSync(bytes) },
  zstandard: { avroName: 'zstandard', pack: (bytes: Buffer): Buffer => zstdCompressSync(bytes) },
};

/** The keys of format `avro`, beside its columns. */
export const avroSettings = {
  avro: z
    .strictObject({
      record: z
        .string()
        .regex(/^[A-Za-z_]\w*(\.[A-Za-z_]\w*)*$/, 'expected letters, digits and _, with dots around a namespace')
        .prefault('Row')
        .describe('What the record is called in the schema of a file; with dots it has a namespace.'),
      codec: z
        .enum(['none', 'deflate', 'zstandard'])
        .prefault('none')
        .describe('How blocks are compressed, which takes the time of the whole process: `zstandard` the least of it.'),
      blockBytes: size({ minBytes: 1024, maxBytes: 16 * 1024 * 1024 })
        .prefault('256KiB')
        .describe('A block is closed once it is this large, before compression. Readers take a block at a time.'),
    })
    .optional()
    .describe('How object container files are written.'),
};

export interface AvroSettings {
  readonly record: string;
  readonly codec: keyof typeof CODECS;
  readonly blockBytes: number;
}

/** Avro object container files (Avro 1.11). `ids` makes what marks the blocks of a file. Throws `config` for two fields of one name. */
export function avroFormat(columns: readonly Column[], settings: AvroSettings, { ids }: { ids: Ids }): RecordFormat {
  const schema = JSON.stringify(avroSchemaOf(columns, settings.record));
  const shape = {
    read: rowReader(columns),
    writers: columns.map(fieldWriter),
    codec: CODECS[settings.codec],
    blockBytes: settings.blockBytes,
  };
  const begin = () => new AvroEncoder(shape, schema, Buffer.from(ids.hex(SYNC_BYTES), 'hex'));
  return { extension: 'avro', begin };
}

interface Shape {
  readonly read: RowReader;
  readonly writers: readonly WriteValue[];
  readonly codec: (typeof CODECS)[keyof typeof CODECS];
  readonly blockBytes: number;
}

class AvroEncoder implements PartEncoder {
  readonly #shape: Shape;
  readonly #sync: Buffer;
  /** What is complete: the header and whole blocks. */
  readonly #file = new ByteWriter();
  readonly #block = new ByteWriter();
  #blockRecords = 0;
  #complete: Buffer[] = [];
  #completeBytes = 0;

  constructor(shape: Shape, schema: string, sync: Buffer) {
    this.#shape = shape;
    this.#sync = sync;
    this.#writeHeader(schema);
  }

  add(record: FormatRecord): void {
    const row = this.#shape.read(record);
    const { writers } = this.#shape;
    for (let index = 0; index < writers.length; index++)
      (writers[index] as WriteValue)(row[index] ?? null, this.#block);
    this.#blockRecords++;
    if (this.#block.length >= this.#shape.blockBytes) this.#closeBlock();
  }

  get gatheredBytes(): number {
    return this.#completeBytes + this.#block.length;
  }

  endBlock(): void {
    if (this.#blockRecords > 0) this.#closeBlock();
  }

  take(): Buffer[] {
    const taken = this.#complete;
    this.#complete = [];
    this.#completeBytes = 0;
    return taken;
  }

  finish(): Buffer[] {
    this.endBlock();
    return this.take();
  }

  #writeHeader(schema: string): void {
    const out = this.#file;
    out.bytes(MAGIC);
    out.zigzag(2);
    out.sizedText('avro.schema');
    out.sizedText(schema);
    out.sizedText('avro.codec');
    out.sizedText(this.#shape.codec.avroName);
    out.byte(END_OF_MAP);
    out.bytes(this.#sync);
    this.#keep(out.take());
  }

  #closeBlock(): void {
    const { pack } = this.#shape.codec;
    const rows = this.#block.take();
    const bytes = pack === undefined ? rows : [pack(Buffer.concat(rows))];
    this.#file.zigzag(this.#blockRecords);
    this.#file.zigzag(bytes.reduce((sum, { length }) => sum + length, 0));
    this.#keep(this.#file.take());
    this.#keep(bytes);
    this.#keep([this.#sync]);
    this.#blockRecords = 0;
  }

  #keep(bytes: readonly Buffer[]): void {
    for (const part of bytes) {
      this.#complete.push(part);
      this.#completeBytes += part.length;
    }
  }
}
