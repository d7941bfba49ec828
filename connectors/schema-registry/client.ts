import { z } from 'zod';
import type { Env, SluiceError } from '../../core/spi.ts';
import { type Asked, failure, failureOfAnswer, failureOfForm, failureOfSilence } from './failure.ts';
import { type HttpGet, nodeGet } from './http.ts';
import { orAborted } from './or-aborted.ts';
import type { RegistrySettings } from './settings.ts';

/** A schema as it was registered: what has an id never changes. */
export interface RegisteredSchema {
  readonly id: number;
  /** `AVRO`, `JSON` or `PROTOBUF`. */
  readonly type: string;
  readonly schema: string;
  /** What it refers to, each behind what it refers to itself. */
  readonly references: readonly ReferencedSchema[];
}

export interface ReferencedSchema {
  /** What the schema calls it: of Avro the full name of a type. */
  readonly name: string;
  readonly subject: string;
  readonly version: number;
  readonly schema: string;
}

export interface RegistryClientParts {
  readonly settings: RegistrySettings;
  readonly env: Pick<Env, 'timers' | 'random' | 'log'>;
  /** How requests are made; over sockets when left out. */
  readonly get?: HttpGet;
}

/** Schemas that are kept; the first one goes when there are more. */
const SCHEMAS_MAX = 1_000;
const REFERENCES_MAX = 256;
/** Ids are given from 1 on. */
const UNUSED_ID = 2 ** 31 - 1;
/** Each round asks every server once; only then comes a pause. */
const ROUNDS_MAX = 6;
const PAUSE_FIRST_MS = 200;
const PAUSE_MAX_MS = 5_000;

const references = z
  .array(z.object({ name: z.string(), subject: z.string(), version: z.int() }))
  .nullish()
  .transform((list) => list ?? []);
const schemaAnswer = z.object({ schema: z.string(), schemaType: z.string().nullish(), references });

type SchemaAnswer = z.output<typeof schemaAnswer>;

/** Reads schemas of a registry by their ids (the REST API of Confluent), each once. Dispose it to call off what is under way. */
export class RegistryClient implements AsyncDisposable {
  readonly #urls: readonly string[];
  readonly #headers: Readonly<Record<string, string>>;
  readonly #mask: (text: string) => string;
  readonly #env: RegistryClientParts['env'];
  readonly #get: HttpGet;
  readonly #known = new Map<number, RegisteredSchema>();
  readonly #coming = new Map<number, Promise<RegisteredSchema>>();
  readonly #closing = new AbortController();
  #index = 0;

  constructor({ settings, env, get }: RegistryClientParts) {
    const { urls, auth, timeout, ca } = settings;
    this.#urls = urls;
    this.#headers = { accept: 'application/vnd.schemaregistry.v1+json, application/json', ...authorization(auth) };
    this.#mask = masking(auth);
    this.#env = env;
    this.#get = get ?? nodeGet({ timers: env.timers, timeoutMs: timeout, ca });
  }

  /** A schema that was read already. */
  known(id: number): RegisteredSchema | undefined {
    return this.#known.get(id);
  }

  /**
   * Reads a schema, with everybody else who asks for it meanwhile. Rejects with `config` (auth, certificate, not a registry),
   * `rejected` (unknown id) or `unavailable` (after several tries at every server), or with the reason of `signal`.
   */
  async schema(id: number, { signal }: { readonly signal?: AbortSignal } = {}): Promise<RegisteredSchema> {
    signal?.throwIfAborted();
    const known = this.#known.get(id);
    if (known !== undefined) return known;
    let coming = this.#coming.get(id);
    if (coming === undefined) {
      coming = this.#read(id).finally(() => this.#coming.delete(id));
      this.#coming.set(id, coming);
    }
    return await orAborted(coming, signal);
  }

  /** What is wrong with one server, asked once for a schema that no registry has; undefined if it says so. */
  async failureAt(url: string): Promise<SluiceError | undefined> {
    const outcome = await this.#askOnce(`/schemas/ids/${UNUSED_ID}`, this.#asked('schemas', url));
    return outcome instanceof Error && outcome.code !== 'REGISTRY_UNKNOWN' ? outcome : undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort(new Error('the client of the schema registry is closed'));
    await Promise.allSettled(this.#coming.values());
  }

  async #read(id: number): Promise<RegisteredSchema> {
    const answer = await this.#ask(`/schemas/ids/${id}`, `schema id ${id}`);
    const found = new Map<string, ReferencedSchema>();
    await this.#readReferences(answer, `schema id ${id}`, found);
    const schema = { id, type: answer.schemaType ?? 'AVRO', schema: answer.schema, references: [...found.values()] };
    const [first] = this.#known.keys();
    if (this.#known.size >= SCHEMAS_MAX) this.#known.delete(first as number);
    this.#known.set(id, schema);
    return schema;
  }

  /** Depth first, so that each comes behind what it needs. */
  async #readReferences(
    answer: SchemaAnswer,
    of: string,
    found: Map<string, ReferencedSchema>,
    depth = 0,
  ): Promise<void> {
    for (const { name, subject, version } of answer.references) {
      const key = `${version} ${subject}`;
      if (found.has(key)) continue;
      const what = `version ${version} of ${subject}, which ${of} refers to,`;
      if (depth >= REFERENCES_MAX || found.size >= REFERENCES_MAX) throw this.#tooMany(what);
      const inner = await this.#ask(`/subjects/${encodeURIComponent(subject)}/versions/${version}`, what);
      await this.#readReferences(inner, `version ${version} of ${subject}`, found, depth + 1);
      found.set(key, { name, subject, version, schema: inner.schema });
    }
  }

  async #ask(path: string, what: string): Promise<SchemaAnswer> {
    const { timers, random, log } = this.#env;
    const { signal } = this.#closing;
    for (let attempt = 1; ; attempt++) {
      signal.throwIfAborted();
      const url = this.#urls[this.#index] as string;
      const outcome = await this.#askOnce(path, this.#asked(what, url));
      if (!(outcome instanceof Error)) return outcome;
      if (outcome.kind !== 'unavailable') throw outcome;
      // Of several that found out together, the first moves on for all.
      if (this.#urls[this.#index] === url) this.#index = (this.#index + 1) % this.#urls.length;
      const round = attempt / this.#urls.length;
      if (round >= ROUNDS_MAX) throw outcome;
      const isRoundOver = Number.isInteger(round);
      const pauseMs = isRoundOver
        ? Math.min(PAUSE_FIRST_MS * 2 ** (round - 1), PAUSE_MAX_MS) * (0.5 + random.next() / 2)
        : 0;
      log.debug('a schema is asked for again', { cause: outcome.message, attempt, pauseMs });
      await timers.sleep(pauseMs, { signal });
    }
  }

  async #askOnce(path: string, asked: Asked): Promise<SchemaAnswer | SluiceError> {
    try {
      const answer = await this.#get(`${asked.url}${path}`, { headers: this.#headers, signal: this.#closing.signal });
      if (answer.status !== 200) return failureOfAnswer(answer, asked);
      return schemaOf(answer.text) ?? failureOfForm(answer, asked);
    } catch (error) {
      return failureOfSilence(error, asked);
    }
  }

  #asked(what: string, url: string): Asked {
    return { what, url, mask: this.#mask };
  }

  #tooMany(what: string): SluiceError {
    const asked = this.#asked(what, this.#urls[this.#index] as string);
    return failure('rejected', 'REGISTRY_REFERENCES', `more than ${REFERENCES_MAX} references`, asked, {
      help: 'Do its schemas refer to each other in a circle?',
    });
  }
}

function schemaOf(text: string): SchemaAnswer | undefined {
  try {
    return schemaAnswer.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}

function authorization(auth: RegistrySettings['auth']): Record<string, string> {
  if (auth.type === 'none') return {};
  if (auth.type === 'bearer') return { authorization: `Bearer ${auth.token}` };
  return { authorization: `Basic ${basicOf(auth)}` };
}

const basicOf = ({ username, password }: { username: string; password: string }) =>
  Buffer.from(`${username}:${password}`).toString('base64');

/** Servers and proxies like to quote what they refuse. */
function masking(auth: RegistrySettings['auth']): (text: string) => string {
  const secrets = auth.type === 'basic' ? [auth.password, basicOf(auth)] : auth.type === 'bearer' ? [auth.token] : [];
  return (text) => secrets.reduce((masked, secret) => masked.replaceAll(secret, '***'), text);
}
