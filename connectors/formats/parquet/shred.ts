// Rows into leaf columns with repetition and definition levels, as Dremel has them and Parquet stores them.
import type { SchemaElement } from 'hyparquet-writer';
import type { RowField, RowValue } from '../row-schema.ts';
import type { LeafShape } from './leaf.ts';
import { elementOf, LIST_LEVELS } from './schema.ts';

/** Where a field stands in the schema. */
interface Place {
  readonly path: readonly SchemaElement[];
  readonly definition: number;
  readonly repetition: number;
}

/** What takes the values of a field apart. */
interface Shredder {
  put(value: RowValue | undefined, repetition: number, definition: number): void;
  /** Something above the field is null, or a list above it is empty. */
  absent(repetition: number, definition: number): void;
}

/** What becomes of rows: the elements of the schema below the root and the leaves, in the order of the file. */
interface Shredded<Leaf> {
  readonly elements: SchemaElement[];
  readonly leaves: Leaf[];
}

/** For each field what takes its values, down to leaves that are made here. */
export function shredded<Leaf extends Shredder>(
  fields: readonly RowField[],
  root: SchemaElement,
  leafOf: (shape: LeafShape) => Leaf,
): Shredded<Leaf> & { readonly shredders: readonly Shredder[] } {
  const into: Shredded<Leaf> = { elements: [], leaves: [] };
  const place = { path: [root], definition: 0, repetition: 0 };
  return { shredders: fields.map((field) => shredderOf(field, place)), ...into };

  function shredderOf(field: RowField, above: Place): Shredder {
    const element = elementOf(field);
    const place = below(above, element);
    const optional = place.definition - above.definition;
    into.elements.push(element);
    if (field.type.kind === 'struct') {
      return new StructShredder(
        optional,
        field.type.fields.map((each) => shredderOf(each, place)),
      );
    }
    if (field.type.kind === 'list') {
      const repeated: SchemaElement = { name: LIST_LEVELS.repeated, repetition_type: 'REPEATED', num_children: 1 };
      into.elements.push(repeated);
      const inner = below(place, repeated);
      const items = shredderOf({ ...field.type.items, name: LIST_LEVELS.items }, inner);
      return new ListShredder(optional, inner.repetition, items);
    }
    const { path, definition, repetition } = place;
    const leaf = leafOf({ type: field.type, path, definitionMax: definition, repetitionMax: repetition });
    into.leaves.push(leaf);
    return leaf;
  }
}

function below(above: Place, element: SchemaElement): Place {
  return {
    path: [...above.path, element],
    definition: above.definition + (element.repetition_type === 'REQUIRED' ? 0 : 1),
    repetition: above.repetition + (element.repetition_type === 'REPEATED' ? 1 : 0),
  };
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

  put(value: RowValue | undefined, repetition: number, definition: number): void {
    if (value === null || value === undefined) {
      this.absent(repetition, definition);
      return;
    }
    const items = value as readonly RowValue[];
    const defined = definition + this.#optional;
    if (items.length === 0) this.#items.absent(repetition, defined);
    for (let i = 0; i < items.length; i++)
      this.#items.put(items[i], i === 0 ? repetition : this.#repetition, defined + 1);
  }

  absent(repetition: number, definition: number): void {
    this.#items.absent(repetition, definition);
  }
}

class StructShredder implements Shredder {
  readonly #optional: number;
  readonly #fields: readonly Shredder[];

  constructor(optional: number, fields: readonly Shredder[]) {
    this.#optional = optional;
    this.#fields = fields;
  }

  put(value: RowValue | undefined, repetition: number, definition: number): void {
    if (value === null || value === undefined) {
      this.absent(repetition, definition);
      return;
    }
    const values = value as readonly RowValue[];
    for (let i = 0; i < this.#fields.length; i++)
      this.#fields[i]?.put(values[i], repetition, definition + this.#optional);
  }

  absent(repetition: number, definition: number): void {
    for (const field of this.#fields) field.absent(repetition, definition);
  }
}
