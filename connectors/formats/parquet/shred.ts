// Rows into leaf columns with repetition and definition levels, as Dremel has them and Parquet stores them.
import type { SchemaElement } from 'hyparquet-writer';
import type { RowField, RowType, RowValue } from '../row-schema.ts';
import { elementOf, LIST_LEVELS } from './schema.ts';

/** A leaf of the schema and what is gathered for it: one entry for every value, null, empty list and absent struct. */
export interface Leaf {
  readonly type: RowType;
  /** The elements from the root down to the leaf. */
  readonly path: readonly SchemaElement[];
  readonly definitionMax: number;
  readonly repetitionMax: number;
  /** Null where the definition level is below its maximum. */
  values: unknown[];
  /** Left empty by a leaf that can neither be null nor repeat. */
  definitionLevels: number[];
  /** Left empty by a leaf that cannot repeat. */
  repetitionLevels: number[];
}

/** Where a field stands in the schema. */
interface Place {
  readonly path: readonly SchemaElement[];
  readonly definition: number;
  readonly repetition: number;
}

/** A field that takes values apart. Both methods give the memory that this takes, about. */
interface Shredder {
  put(value: RowValue | undefined, repetition: number, definition: number): number;
  /** Something above the field is null, or a list above it is empty. */
  absent(repetition: number, definition: number): number;
}

export interface Shredded {
  /** All elements of the schema below the root, in the order of the file. */
  readonly elements: readonly SchemaElement[];
  readonly leaves: readonly Leaf[];
  readonly shredders: readonly Shredder[];
}

/** What the columns of rows with these fields are, empty. */
export function shredded(fields: readonly RowField[], root: SchemaElement): Shredded {
  const into = { elements: [] as SchemaElement[], leaves: [] as Leaf[] };
  const place = { path: [root], definition: 0, repetition: 0 };
  return { ...into, shredders: fields.map((field) => shredderOf(field, place, into)) };
}

function shredderOf(field: RowField, above: Place, into: { elements: SchemaElement[]; leaves: Leaf[] }): Shredder {
  const element = elementOf(field);
  const place = below(above, element);
  into.elements.push(element);
  if (field.type.kind === 'struct') {
    return new StructShredder(
      place.definition - above.definition,
      field.type.fields.map((each) => shredderOf(each, place, into)),
    );
  }
  if (field.type.kind === 'list') {
    const repeated: SchemaElement = { name: LIST_LEVELS.repeated, repetition_type: 'REPEATED', num_children: 1 };
    into.elements.push(repeated);
    const inner = below(place, repeated);
    const items = shredderOf({ ...field.type.items, name: LIST_LEVELS.items }, inner, into);
    return new ListShredder(place.definition - above.definition, inner.repetition, items);
  }
  const leaf: Leaf = {
    type: field.type,
    path: place.path,
    definitionMax: place.definition,
    repetitionMax: place.repetition,
    values: [],
    definitionLevels: [],
    repetitionLevels: [],
  };
  into.leaves.push(leaf);
  return new LeafShredder(leaf);
}

function below(above: Place, element: SchemaElement): Place {
  return {
    path: [...above.path, element],
    definition: above.definition + (element.repetition_type === 'REQUIRED' ? 0 : 1),
    repetition: above.repetition + (element.repetition_type === 'REPEATED' ? 1 : 0),
  };
}

class LeafShredder implements Shredder {
  readonly #leaf: Leaf;
  readonly #copied: boolean;
  readonly #levelBytes: number;

  constructor(leaf: Leaf) {
    this.#leaf = leaf;
    this.#copied = leaf.type.kind === 'bytes';
    this.#levelBytes = (leaf.definitionMax > 0 ? SLOT_BYTES : 0) + (leaf.repetitionMax > 0 ? SLOT_BYTES : 0);
  }

  put(value: RowValue | undefined, repetition: number, definition: number): number {
    if (value === null || value === undefined) return this.absent(repetition, definition);
    const leaf = this.#leaf;
    leaf.values.push(this.#copied ? new Uint8Array(value as Uint8Array) : value);
    if (leaf.definitionMax > 0) leaf.definitionLevels.push(leaf.definitionMax);
    if (leaf.repetitionMax > 0) leaf.repetitionLevels.push(repetition);
    return this.#levelBytes + bytesOf(value);
  }

  absent(repetition: number, definition: number): number {
    const leaf = this.#leaf;
    leaf.values.push(null);
    if (leaf.definitionMax > 0) leaf.definitionLevels.push(definition);
    if (leaf.repetitionMax > 0) leaf.repetitionLevels.push(repetition);
    return this.#levelBytes + SLOT_BYTES;
  }
}

class ListShredder implements Shredder {
  readonly #optional: number;
  readonly #repetition: number;
  readonly #items: Shredder;

  constructor(optional: number, repetition: number, items: Shredder) {
    this.#optional = optional;
    this.#repetition = repetition;
    this.#items = items;
  }

  put(value: RowValue | undefined, repetition: number, definition: number): number {
    if (value === null || value === undefined) return this.absent(repetition, definition);
    const items = value as readonly RowValue[];
    const defined = definition + this.#optional;
    if (items.length === 0) return this.#items.absent(repetition, defined);
    let bytes = 0;
    for (let i = 0; i < items.length; i++)
      bytes += this.#items.put(items[i], i === 0 ? repetition : this.#repetition, defined + 1);
    return bytes;
  }

  absent(repetition: number, definition: number): number {
    return this.#items.absent(repetition, definition);
  }
}

class StructShredder implements Shredder {
  readonly #optional: number;
  readonly #fields: readonly Shredder[];

  constructor(optional: number, fields: readonly Shredder[]) {
    this.#optional = optional;
    this.#fields = fields;
  }

  put(value: RowValue | undefined, repetition: number, definition: number): number {
    if (value === null || value === undefined) return this.absent(repetition, definition);
    const values = value as readonly RowValue[];
    let bytes = 0;
    for (let i = 0; i < this.#fields.length; i++)
      bytes += (this.#fields[i] as Shredder).put(values[i], repetition, definition + this.#optional);
    return bytes;
  }

  absent(repetition: number, definition: number): number {
    let bytes = 0;
    for (const field of this.#fields) bytes += field.absent(repetition, definition);
    return bytes;
  }
}

/** One entry of an array. */
const SLOT_BYTES = 8;
/** What V8 takes for a string beside its characters, a bigint of up to 64 bits, and a typed array beside its bytes. */
const [STRING_BYTES, BIGINT_BYTES, TYPED_ARRAY_BYTES] = [20, 24, 120];

/** The memory that a gathered value takes, about. */
function bytesOf(value: RowValue): number {
  switch (typeof value) {
    case 'string':
      return SLOT_BYTES + STRING_BYTES + value.length;
    case 'bigint':
      return SLOT_BYTES + BIGINT_BYTES;
    case 'object':
      return SLOT_BYTES + TYPED_ARRAY_BYTES + ((value as Uint8Array | null)?.length ?? 0);
    default:
      return SLOT_BYTES;
  }
}
