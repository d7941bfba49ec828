import { Readable } from 'node:stream';
import type { S3ClientConfig } from '@aws-sdk/client-s3';
import type { HttpHandlerOptions, HttpRequest, HttpResponse, RequestHandler } from '@smithy/types';
import type { S3Request, S3Response } from './http.ts';
import type { S3Model } from './model.ts';
import { labelOf } from './operations.ts';

/** Decides when a request arrives, whether it does, and when and whether its answer comes back. */
export type S3Exchange = (label: string, effect: () => S3Response) => Promise<S3Response>;

/** What an AWS client takes as its `requestHandler`. */
export interface S3RequestHandler extends RequestHandler<HttpRequest, HttpResponse, HttpHandlerOptions> {
  updateHttpClientConfig(): void;
  httpHandlerConfigs(): Record<string, never>;
}

/**
 * Settings with which an AWS client reads no profile from disk, and so answers in microtasks from its first call on. Whatever
 * else a client has, in virtual time it needs these, static credentials, a region and an endpoint.
 */
export const CLIENT_WITHOUT_PROFILE = {
  forcePathStyle: true,
  maxAttempts: 1,
  retryMode: 'standard',
  defaultsMode: 'standard',
  requestChecksumCalculation: 'WHEN_SUPPORTED',
  responseChecksumValidation: 'WHEN_SUPPORTED',
  authSchemePreference: ['sigv4'],
  sigv4aSigningRegionSet: ['*'],
  disableClockSkewCorrection: true,
  disableMultiregionAccessPoints: true,
  disableS3ExpressSessionAuth: true,
  useArnRegion: false,
  useDualstackEndpoint: false,
  useFipsEndpoint: false,
  userAgentAppId: 'simulated',
} as const satisfies S3ClientConfig;

/** The way to a model for an AWS client: no sockets and no time, only microtasks and what `exchange` waits for. */
export function s3Handler(exchange: S3Exchange, model: S3Model): S3RequestHandler {
  return {
    metadata: { handlerProtocol: 'http/1.1' },
    updateHttpClientConfig() {},
    httpHandlerConfigs: () => ({}),
    destroy() {},
    async handle(request, { abortSignal } = {}) {
      if (abortSignal?.aborted) throw aborted();
      const received = receivedRequest(request, await bodyOf(request.body));
      const answered = exchange(labelOf(received), () => model.answer(received));
      const signal = abortSignal as AbortSignal | undefined;
      const { status, headers, body } = await (signal === undefined ? answered : unlessAborted(answered, signal));
      return { response: { statusCode: status, headers: { ...headers }, body: streamOf(body) } };
    },
  };
}

function receivedRequest({ method, hostname, path, query = {}, headers }: HttpRequest, body: Buffer): S3Request {
  return {
    method,
    host: hostname,
    path,
    query: Object.fromEntries(
      Object.entries(query).map(([name, value]) => [name, Array.isArray(value) ? value.join(',') : (value ?? '')]),
    ),
    headers: Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value])),
    body,
  };
}

/** Always a copy: the caller may use its memory again while a slow request is on its way. */
async function bodyOf(body: unknown): Promise<Buffer> {
  if (body === undefined || body === null) return Buffer.alloc(0);
  if (typeof body === 'string' || body instanceof Uint8Array) return Buffer.from(body as Uint8Array);
  const chunks: Buffer[] = [];
  for await (const chunk of body as AsyncIterable<Uint8Array | string>) chunks.push(Buffer.from(chunk as Uint8Array));
  return Buffer.concat(chunks);
}

/** Streams end in ticks of the process, which virtual time runs along with microtasks. */
function streamOf(body: Buffer): Readable {
  return new Readable({
    read() {
      if (body.length > 0) this.push(body);
      this.push(null);
    },
  });
}

/** The request stays on its way, as one does that the network has already taken. */
function unlessAborted<T>(answered: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(aborted());
    signal.addEventListener('abort', onAbort, { once: true });
    const done = () => signal.removeEventListener('abort', onAbort);
    answered.then(done, done);
    answered.then(resolve, reject);
  });
}

/** As the AWS SDK's own handlers name it. */
function aborted(): Error {
  return Object.assign(new Error('Request aborted'), { name: 'AbortError' });
}
