import { type RecordPlace, rejectedRecord } from '../formats/record-problem.ts';
import { SchemaProblem } from '../formats/schema-problem.ts';
import { compileAvro, type ReadValue } from './avro-compile.ts';
import { AvroInput, ValueProblem } from './avro-input.ts';
import type { RegisteredSchema, RegistryClient } from './client.ts';
import { type ReadBySchema, RegistryDecoder, type ValueDecoder } from './decoder.ts';
import { parseReferences, parseSchema } from './schema-text.ts';
import { PREFIX_BYTES } from './wire-format.ts';

const OTHER_TYPES: ReadonlyMap<string, string> = new Map([
  ['JSON', 'The topic has JSON Schema: set source.value.format: jsonSchema.'],
  ['PROTOBUF', 'Protobuf is not decoded. Write this topic as it is: without source.value, with format raw.'],
]);

/** Decodes Avro by the schema that each value names. */
export function avroDecoder(client: Pick<RegistryClient, 'known' | 'schema'>): ValueDecoder {
  // One for all: a value is read to its end before the next begins.
  const input = new AvroInput();
  return new RegistryDecoder({
    client,
    compile: (schema, at) => readerOf(compile(schema, at), schema.id, input),
  });
}

function readerOf(read: ReadValue, schemaId: number, input: AvroInput): ReadBySchema {
  return (bytes, at) => {
    try {
      input.begin(bytes, PREFIX_BYTES);
      const value = read(input);
      if (input.left > 0) input.fail(`${input.left} bytes behind the value`);
      return value;
    } catch (error) {
      if (error instanceof ValueProblem) throw notOfSchema(error, at, schemaId);
      // Types of many layers, inside of themselves: the stack ends before their count does.
      if (error instanceof RangeError) throw notOfSchema(new ValueProblem('nested too deeply'), at, schemaId);
      throw error;
    }
  };
}

function compile(schema: RegisteredSchema, at: RecordPlace): ReadValue {
  const { id, type } = schema;
  if (type !== 'AVRO')
    throw rejectedRecord(at, 'VALUE_NOT_AVRO', {
      what: `has a value of schema id ${id}, which is not Avro but ${type}`,
      help: OTHER_TYPES.get(type) ?? 'Write this topic as it is: without source.value, with format raw.',
      details: { schemaId: id, schemaType: type },
    });
  try {
    return compileAvro(parseSchema(schema.schema), parseReferences(schema));
  } catch (error) {
    if (!(error instanceof SchemaProblem)) throw error;
    const { path, message } = error;
    throw rejectedRecord(at, 'REGISTRY_SCHEMA', {
      what: `has a value of schema id ${id}, which cannot be read: ${path === '' ? '' : `${path}: `}${message}`,
      help: 'Register a schema that is right, or write this topic as it is: without source.value, with format raw.',
      details: { schemaId: id, path },
      cause: error,
    });
  }
}

function notOfSchema(problem: ValueProblem, at: RecordPlace, schemaId: number): Error {
  const path = problem.path.join('.');
  return rejectedRecord(at, 'VALUE_NOT_AVRO', {
    what: `has a value that is not of its schema id ${schemaId}: ${problem.message}${path === '' ? '' : `, in ${path}`}`,
    help: 'Mend the producer, or write this topic as it is: without source.value, with format raw.',
    details: { schemaId, path },
    cause: problem,
  });
}
