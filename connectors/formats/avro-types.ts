import { SluiceError } from '../../core/spi.ts';
import type { RowField, RowType } from './row-schema.ts';

/** The Avro schema of a record with these fields. Throws `config` where two of them would have one name. */
export function avroSchemaOf(fields: readonly RowField[], name: string): object {
  const taken = new Set([name]);

  const record = (recordName: string, inner: readonly RowField[], place: string): object => ({
    type: 'record',
    name: recordName,
    fields: named(inner, place).map(({ avroName, field }) => ({
      name: avroName,
      ...nullable(field, typeOf(field, `${recordName}_${avroName}`, `${place}${field.name}.`)),
    })),
  });

  const typeOf = ({ type }: RowField, recordName: string, place: string): unknown => {
    switch (type.kind) {
      case 'list': {
        const { type: items } = nullable(type.items, typeOf(type.items, recordName, place));
        return { type: 'array', items };
      }
      case 'struct': {
        const unique = freeName(recordName, taken);
        taken.add(unique);
        return record(unique, type.fields, place);
      }
      default:
        return scalarType(type);
    }
  };

  return record(name, fields, '');
}

function nullable(field: RowField, type: unknown): { type: unknown; default?: null } {
  return field.nullable ? { type: ['null', type], default: null } : { type };
}

function scalarType(type: RowType): unknown {
  switch (type.kind) {
    case 'int32':
      return 'int';
    case 'int64':
      return 'long';
    case 'float32':
      return 'float';
    case 'float64':
      return 'double';
    case 'json':
      return 'string';
    case 'date':
      return { type: 'int', logicalType: 'date' };
    case 'timestamp':
      return { type: 'long', logicalType: type.unit === 'us' ? 'timestamp-micros' : 'timestamp-millis' };
    case 'decimal':
      return { type: 'bytes', logicalType: 'decimal', precision: type.precision, scale: type.scale };
    default:
      return type.kind;
  }
}

/** Avro knows letters, digits and _ alone; anything else in a name becomes _. */
function named(fields: readonly RowField[], place: string): { avroName: string; field: RowField }[] {
  const byName = new Map<string, RowField>();
  for (const field of fields) {
    const avroName = field.name.replaceAll(/[^A-Za-z0-9_]/g, '_').replace(/^(?=\d|$)/, '_');
    const other = byName.get(avroName);
    if (other !== undefined)
      throw new SluiceError('config', 'AVRO_NAME_TWICE', {
        message: `the fields ${place}${other.name} and ${place}${field.name} would both be called ${avroName} in Avro`,
        help: 'Names of Avro hold letters, digits and _. Give one of them another name.',
      });
    byName.set(avroName, field);
  }
  return [...byName].map(([avroName, field]) => ({ avroName, field }));
}

function freeName(name: string, taken: ReadonlySet<string>): string {
  let free = name;
  for (let count = 2; taken.has(free); count++) free = `${name}_${count}`;
  return free;
}
