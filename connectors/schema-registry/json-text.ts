import { isUtf8 } from 'node:buffer';
import { unreachable } from '../../core/spi.ts';
import { type RecordPlace, rejectedRecord } from '../formats/record-problem.ts';
import { avroDecoder } from './avro-decoder.ts';
import { requireJson } from './checked-json.ts';
import type { RegistryClient } from './client.ts';
import type { ValueDecoder } from './decoder.ts';
import type { ValueSettings } from './settings.ts';
import { bodyOf } from './wire-format.ts';

/** Makes JSON text of the values of records. */
export interface JsonText {
  /**
   * The text, or bytes that are it already; undefined while what it needs is being fetched. Never waits. Throws `rejected`
   * naming topic, partition and offset.
   */
  textOf(bytes: Buffer, at: RecordPlace): string | Buffer | undefined;
  /** As of a `ValueDecoder`. */
  readonly ready: ValueDecoder['ready'];
}

const atOnce: JsonText['ready'] = async ({ signal }) => signal.throwIfAborted();

/** `client` is there for formats that need one. */
export function jsonTextOf(format: ValueSettings['format'], client: RegistryClient | undefined): JsonText {
  switch (format) {
    case 'avro':
      return decodedText(avroDecoder(client as RegistryClient));
    case 'jsonSchema':
      // Not checked against its schema, so that no registry is asked.
      return { textOf: (bytes, at) => checked(bodyOf(bytes, at), at, ' behind the id of its schema'), ready: atOnce };
    case 'json':
      return { textOf: (bytes, at) => checked(bytes, at, ''), ready: atOnce };
    case 'string':
      return { textOf: (bytes, at) => writtenJson(utf8Of(bytes, at), at), ready: atOnce };
    case 'bytes':
      return { textOf: (bytes) => `"${bytes.toString('base64')}"`, ready: atOnce };
    default:
      return unreachable(format);
  }
}

function decodedText(decoder: ValueDecoder): JsonText {
  return {
    textOf: (bytes, at) => {
      const decoded = decoder.decode(bytes, at);
      return decoded.kind === 'notYet' ? undefined : writtenJson(decoded.value, at);
    },
    ready: (options) => decoder.ready(options),
  };
}

function checked(bytes: Buffer, at: RecordPlace, where: string): Buffer {
  requireJson(bytes, at, where);
  return bytes;
}

function utf8Of(bytes: Buffer, at: RecordPlace): string {
  if (isUtf8(bytes)) return bytes.toString();
  throw rejectedRecord(at, 'VALUE_NOT_UTF8', {
    what: 'has a value that is not UTF-8',
    help: 'Set source.value.format: bytes, or mend the producer.',
  });
}

function writtenJson(value: unknown, at: RecordPlace): string {
  try {
    return JSON.stringify(value);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw rejectedRecord(at, 'VALUE_TOO_LARGE', {
      what: `has a value whose JSON text is too large: ${error.message}`,
      help: 'Mend the producer, or leave out source.value to write values as they are.',
      cause: error,
    });
  }
}
