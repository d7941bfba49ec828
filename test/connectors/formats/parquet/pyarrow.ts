// Reads Parquet files back with pyarrow, the C++ reader behind pandas and much else, where python3 has it.
import { execFileSync, spawnSync } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Column, RowType, RowValue } from '../../../../connectors/formats/row-schema.ts';
import { exact } from './readers.ts';

/** Prints rows as JSON, numbers as strings, so that none is rounded on the way. */
const SCRIPT = `
import json, sys
import pyarrow as pa, pyarrow.parquet as pq

def plain(scalar, type):
    if not scalar.is_valid: return None
    if pa.types.is_timestamp(type) or pa.types.is_date(type): return str(scalar.value)
    if pa.types.is_list(type): return [plain(item, type.value_type) for item in scalar]
    if pa.types.is_struct(type): return [plain(scalar[field.name], field.type) for field in type]
    value = scalar.as_py()
    if pa.types.is_decimal(type):
        sign, digits, _ = value.as_tuple()
        return ('-' if sign else '') + ''.join(map(str, digits))
    if isinstance(value, bytes): return value.hex()
    if isinstance(value, (bool, str)): return value
    return repr(value)

table = pq.read_table(sys.argv[1])
print(json.dumps([[plain(column[row], column.type) for column in table.columns] for row in range(table.num_rows)]))
`;

/** Why pyarrow cannot be asked here, or undefined. */
export function whyNoPyarrow(): string | undefined {
  const { status, stderr, error } = spawnSync('python3', ['-c', 'import pyarrow.parquet'], { encoding: 'utf8' });
  return status === 0 ? undefined : `no pyarrow: ${error?.message ?? stderr.trim().split('\n').at(-1)}`;
}

export function readWithPyarrow(file: Buffer, columns: readonly Column[]): RowValue[][] {
  const path = join(tmpdir(), `sluice-${process.pid}-pyarrow.parquet`);
  writeFileSync(path, file);
  try {
    const printed = execFileSync('python3', ['-c', SCRIPT, path], { encoding: 'utf8', maxBuffer: 2 ** 28 });
    const rows = JSON.parse(printed) as unknown[][];
    return rows.map((row) => columns.map(({ type }, index) => fromPrinted(row[index], type)));
  } finally {
    rmSync(path);
  }
}

function fromPrinted(value: unknown, type: RowType): RowValue {
  if (value === null || value === undefined) return null;
  switch (type.kind) {
    case 'boolean':
    case 'string':
    case 'json':
      return value as RowValue;
    case 'bytes':
      return new Uint8Array(Buffer.from(value as string, 'hex'));
    case 'decimal':
      return BigInt(value as string);
    case 'int64':
      return exact(BigInt(value as string));
    case 'float32':
    case 'float64':
      return Number((value as string).replace('inf', 'Infinity'));
    case 'list':
      return (value as unknown[]).map((item) => fromPrinted(item, type.items.type));
    case 'struct':
      return type.fields.map((field, index) => fromPrinted((value as unknown[])[index], field.type));
    default:
      return Number(value);
  }
}
