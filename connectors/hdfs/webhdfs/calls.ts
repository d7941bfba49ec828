import type { z } from 'zod';
import type { Env } from '../../../core/spi.ts';
import type { HdfsConnection } from '../settings.ts';
import { ANSWERS } from './answers.ts';
import { authenticatorOf } from './auth.ts';
import { withDeadline } from './deadline.ts';
import { HdfsError } from './errors.ts';
import { type Asked, failure, failureOfAnswer, failureOfForm, failureOfSilence } from './failure.ts';
import { type Meaning, NO_TOKENS, REDIRECT } from './meanings.ts';
import { NameNodes } from './name-nodes.ts';
import { OPERATIONS, type OperationName } from './operations.ts';
import { type Query, urlOf } from './path.ts';
import type { Authenticator, Negotiate, Proof } from './proof.ts';
import { judgeRedirect } from './redirect.ts';
import { fieldOf, masked, type RemoteAnswer, readAnswer } from './remote-answer.ts';
import { planRetry } from './retry.ts';
import type { WireExchange, WireResponse } from './wire.ts';

/** A NameNode does all its work in memory; one that takes longer hangs. */
const NAMENODE_MS = 30_000;
/** HttpFS takes bodies under this name only, and DataNodes do not mind. */
const BODY_TYPE = { 'content-type': 'application/octet-stream' };

export interface CallsParts {
  readonly settings: HdfsConnection;
  readonly wire: WireExchange;
  readonly env: CallsEnv;
  readonly negotiate: Negotiate;
}

export type CallsEnv = Pick<Env, 'clock' | 'timers' | 'random' | 'log'>;

/** One operation on one path. */
export interface Call {
  readonly name: OperationName;
  readonly path: string;
  readonly query?: Query;
  readonly signal?: AbortSignal | undefined;
  /** Of a rename, for messages. */
  readonly target?: string;
  /** Shows what a delegation token does not stand for. */
  readonly isPrimary?: boolean;
  /** Asks this NameNode and no other, once. */
  readonly onceAt?: string;
}

/** Where the second step goes: to a DataNode, or to a gateway itself. */
export interface DataPlace {
  readonly location: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly isDataNode: boolean;
  /** The gateway HttpFS, by the way it writes a Location. */
  readonly isHttpFs: boolean;
}

interface Step {
  readonly response: WireResponse;
  readonly asked: Asked;
  readonly proof: Proof;
}

type OpenStep =
  | { readonly kind: 'opened'; readonly response: WireResponse; readonly asked: Asked }
  | { readonly kind: 'redirected'; readonly place: DataPlace };

/** Puts operations to a cluster: to its active NameNode, with proof, again where that is safe, and then to a DataNode. */
export class Calls {
  readonly nameNodes: NameNodes;
  readonly #parts: CallsParts;
  readonly #authenticator: Authenticator;
  readonly #clusterOrigins: readonly string[];

  constructor(parts: CallsParts) {
    const { settings, negotiate, env } = parts;
    this.#parts = parts;
    this.nameNodes = new NameNodes(settings.urls);
    this.#clusterOrigins = settings.urls.map((url) => new URL(url).origin);
    this.#authenticator = authenticatorOf({ user: settings.user, auth: settings.auth, negotiate, env, calls: this });
  }

  /** What a NameNode answers, in this form. Rejects with what it says otherwise. */
  async ask<T>(call: Call, form: z.ZodType<T>): Promise<T> {
    return await this.#persist(call, async ({ response, asked }) => {
      const answer = await readAnswer(response);
      if (answer.status !== 200) throw failureOfAnswer(answer, asked);
      const read = form.safeParse(answer.json);
      if (!read.success) throw failureOfForm(answer, asked);
      return read.data;
    });
  }

  async askForToken(call: Call): Promise<string> {
    const token = await this.ask(call, ANSWERS.token);
    if (token === undefined) throw this.failure(call, NO_TOKENS, 'it has none to give');
    return token;
  }

  /** The first step of a write. */
  async locate(call: Call): Promise<DataPlace> {
    return await this.#persist({ ...call, query: { ...call.query, noredirect: true } }, async (step) => {
      const answer = await readAnswer(step.response);
      if (answer.status === 200) return this.#placeOf(step, fieldOf(answer.json, 'Location'), answer);
      // A NameNode that does not know `noredirect`.
      return this.#placeOfRedirect(step, answer);
    });
  }

  /** Both steps of a read. The bytes reject as an `HdfsError` when they break off. */
  async openData(call: Call): Promise<AsyncIterable<Buffer>> {
    const first = await this.#persist(call, async (step): Promise<OpenStep> => {
      // A gateway answers with the file. Asked with `noredirect`, what a file holds could be taken for a Location.
      if (step.response.status === 200) return { kind: 'opened', response: step.response, asked: step.asked };
      return { kind: 'redirected', place: this.#placeOfRedirect(step, await readAnswer(step.response)) };
    });
    if (first.kind === 'opened') return bytesOf(first.response, first.asked);
    const response = await this.follow(call, first.place);
    return bytesOf(
      response,
      askedOf(call, first.place.location, { isSecond: true, isDataNode: first.place.isDataNode }),
    );
  }

  /** The second step, asked once. Rejects for anything but 200 and 201. */
  async follow(call: Call, place: DataPlace, body?: Buffer | AsyncIterable<Buffer>, bodyBytes?: number) {
    const { method } = OPERATIONS[call.name];
    const asked = askedOf(call, place.location, { isSecond: true, isDataNode: place.isDataNode });
    const length = bodyBytes === undefined ? {} : { 'content-length': String(bodyBytes) };
    const headers = { ...place.headers, ...(body === undefined ? {} : { ...BODY_TYPE, ...length }) };
    const { wire } = this.#parts;
    try {
      const request = { method, url: place.location, headers, ...(body === undefined ? {} : { body }) };
      const response = await wire.exchange(request, { signal: call.signal });
      if (response.status === 200 || response.status === 201) return response;
      const answer = await readAnswer(response);
      if (isRedirect(answer.status)) throw failure(REDIRECT, 'it redirects a second time', asked);
      throw failureOfAnswer(answer, asked);
    } catch (error) {
      throw failureOfSilence(error, asked);
    }
  }

  /** Of a call whose answer is a success by its form only. */
  failure(call: Call, meaning: Meaning, said: string): HdfsError {
    return failure(meaning, said, askedOf(call, this.nameNodes.current, { isSecond: false }));
  }

  /** An active NameNode is known, as far as one can know. */
  async proveActive(signal: AbortSignal | undefined): Promise<void> {
    if (!this.nameNodes.isProven) await this.ask({ name: 'GETFILESTATUS', path: '/', signal }, ANSWERS.fileStatus);
  }

  /** For whoever repeats both steps: waits, and says whether to ask again. */
  again({ name, signal }: Call): (error: HdfsError) => Promise<boolean> {
    const { clock, timers, random, log } = this.#parts.env;
    const begunMs = clock.monotonicMs();
    let attempt = 0;
    return async (error) => {
      attempt++;
      const plan = planRetry({
        ...{ reason: error.reason, attempt, elapsedMs: clock.monotonicMs() - begunMs, random: random.next() },
        ...{ isIdempotent: OPERATIONS[name].isIdempotent, nameNodes: 1 },
      });
      if (plan.kind === 'giveUp' || signal?.aborted === true) return false;
      log.debug('a DataNode is asked for again', { cause: error.message, attempt, pauseMs: plan.pauseMs });
      await timers.sleep(plan.pauseMs, { signal });
      return true;
    };
  }

  async #persist<T>(call: Call, read: (step: Step) => Promise<T>): Promise<T> {
    const { clock, timers, random, log } = this.#parts.env;
    const { isIdempotent, provesActive } = OPERATIONS[call.name];
    const begunMs = clock.monotonicMs();
    let hasNewProof = false;
    for (let attempt = 1; ; attempt++) {
      call.signal?.throwIfAborted();
      const base = call.onceAt ?? this.nameNodes.current;
      let proof: Proof | undefined;
      try {
        proof = await this.#proofFor(call, base);
        const result = await this.#once(call, base, proof, read);
        if (provesActive) this.nameNodes.prove(base);
        return result;
      } catch (error) {
        if (call.onceAt !== undefined || call.signal?.aborted === true || !(error instanceof HdfsError)) throw error;
        if (error.reason === 'credentials' && proof !== undefined && !hasNewProof) {
          hasNewProof = this.#authenticator.refused(proof);
          if (hasNewProof) continue;
        }
        const plan = planRetry({
          ...{ reason: error.reason, attempt, elapsedMs: clock.monotonicMs() - begunMs, random: random.next() },
          // Without proof nothing of it has been sent.
          ...{ isIdempotent: isIdempotent || proof === undefined, nameNodes: this.nameNodes.bases.length },
        });
        if (plan.kind === 'giveUp') throw error;
        log.debug('a NameNode is asked again', { cause: error.message, attempt, pauseMs: plan.pauseMs });
        if (plan.kind === 'another') this.nameNodes.leave(base);
        if (plan.pauseMs > 0) await timers.sleep(plan.pauseMs, { signal: call.signal });
      }
    }
  }

  async #once<T>(call: Call, base: string, proof: Proof, read: (step: Step) => Promise<T>): Promise<T> {
    const { wire, env } = this.#parts;
    const { name, path, query } = call;
    const url = urlOf(base, path, { op: name, ...query, ...proof.query });
    const asked = askedOf(call, url, { isSecond: false });
    const run = async (signal: AbortSignal | undefined) => {
      const request = { method: asked.operation.method, url, headers: proof.headers };
      return await read({ response: await wire.exchange(request, { signal }), asked, proof });
    };
    try {
      // What a gateway answers to OPEN is the file, however long that takes.
      if (name === 'OPEN') return await run(call.signal);
      return await withDeadline(env.timers, NAMENODE_MS, call.signal, run);
    } catch (error) {
      throw failureOfSilence(error, asked);
    }
  }

  #proofFor({ isPrimary = false }: Call, base: string): Promise<Proof> {
    return isPrimary ? this.#authenticator.primaryProofFor(base) : this.#authenticator.proofFor(base);
  }

  #placeOfRedirect(step: Step, answer: RemoteAnswer): DataPlace {
    if (!isRedirect(answer.status)) throw failureOfAnswer(answer, step.asked);
    return this.#placeOf(step, answer.headers.location, answer);
  }

  #placeOf({ asked, proof }: Step, location: unknown, answer: RemoteAnswer): DataPlace {
    if (typeof location !== 'string') throw failureOfForm(answer, asked);
    const { dataNodeHosts } = this.#parts.settings;
    const verdict = judgeRedirect(location, { from: asked.url, clusterOrigins: this.#clusterOrigins, dataNodeHosts });
    if (verdict.kind === 'refuse')
      throw failure(REDIRECT, `it redirects to ${masked(location.slice(0, 200))}, and ${verdict.why}`, asked);
    return {
      location: verdict.url,
      // A DataNode has what it needs in the Location; our own proof is for the cluster's URLs only.
      headers: verdict.isClusterOrigin ? proof.headers : {},
      isDataNode: !verdict.isClusterOrigin,
      isHttpFs: verdict.isClusterOrigin && /[?&]data=true(&|$)/.test(verdict.url),
    };
  }
}

const isRedirect = (status: number) => status >= 300 && status < 400;

function askedOf({ name, path, target }: Call, url: string, step: Pick<Asked, 'isSecond' | 'isDataNode'>): Asked {
  return { operation: OPERATIONS[name], path, url, target, ...step };
}

/** Not a generator, which would not free the connection when it is given up before its first chunk. */
function bytesOf({ body }: WireResponse, asked: Asked): AsyncIterable<Buffer> {
  return {
    [Symbol.asyncIterator]: () => {
      const chunks = body[Symbol.asyncIterator]();
      return {
        next: async () => {
          try {
            return await chunks.next();
          } catch (error) {
            throw failureOfSilence(error, asked);
          }
        },
        return: async () => (await chunks.return?.()) ?? { done: true, value: undefined },
      };
    },
  };
}
