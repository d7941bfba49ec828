import type { z } from 'zod';
import type { Sink } from './sink.ts';
import type { Source } from './source.ts';
import type { Store } from './store.ts';

/** What a configuration section becomes: a strict zod object (with descriptions) and the thing it describes. */
export interface Definition<T, S extends z.ZodType = z.ZodType> {
  /** A strict object with `type: z.literal(...)`: the only truth for parser, JSON Schema, docs tables and error messages. */
  readonly settings: S;
  /** Of a store: what it takes from a sink of its own type. */
  readonly fromSink?: FromSink;
  create(settings: z.output<S>, context: CreateContext): T;
}

/** Settings of a sink that a store of the same type has, too, as far as it does not name them itself. */
export interface FromSink {
  readonly keys: readonly string[];
  /** A store that names one of these takes nothing: it is at another place, or somebody else asks. */
  readonly unless: readonly string[];
}

export interface CreateContext {
  /** Relative paths in settings start here: the folder of the configuration file, or the working directory in code. */
  readonly baseDir: string;
}

/** One connector: what `connectors/registry.ts` loads by its type name. */
export interface Connector {
  readonly type: string;
  readonly source?: Definition<Source>;
  readonly sink?: Definition<Sink>;
  readonly store?: Definition<Store>;
}
