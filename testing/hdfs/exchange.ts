import type { WireExchange, WireRequest, WireResponse } from '../../connectors/hdfs/webhdfs/wire.ts';
import type { Interpose } from '../interposed.ts';
import { labelOf } from './addresses.ts';
import { NoAnswer } from './errors.ts';
import type { HdfsResponse } from './http.ts';
import type { HdfsModel, Upload } from './model.ts';

/** The way from one process to a model: no sockets and no time, only microtasks and what `call` waits for. */
export interface ModelExchange extends WireExchange {
  /** The process is gone: whatever it was writing ends with what has come. */
  cut(): void;
}

/**
 * Every request passes `call`, with a label such as `hdfs.RENAME /a /b`. One with a body passes several times, as it has
 * effects one after the other: `hdfs.CREATE /a open`, `... write` for each piece, `... close`.
 */
export function modelExchange(model: HdfsModel, call: Interpose): ModelExchange {
  const uploads = new Set<Upload>();
  return {
    async exchange(request, { signal } = {}) {
      const bodyless = { method: request.method, url: request.url, headers: request.headers };
      signal?.throwIfAborted();
      if (!model.takesBody(bodyless)) {
        const body = await collected(request.body);
        const answered = call(labelOf(bodyless), async () => orNever(() => model.answer({ ...bodyless, body })));
        return responseOf(await unlessAborted(answered, signal));
      }
      const sending = new Sending(model, uploads, labelOf(bodyless), call);
      try {
        return responseOf(await unlessAborted(sending.run(bodyless, request.body), signal));
      } catch (error) {
        sending.cut();
        throw error;
      }
    },
    cut() {
      for (const upload of uploads) upload.cut();
      uploads.clear();
    },
  };
}

/** One body on its way. Once it is cut, what arrives late opens a file and leaves it as it is. */
class Sending {
  readonly #model: HdfsModel;
  readonly #uploads: Set<Upload>;
  readonly #label: string;
  readonly #call: Interpose;
  #upload: Upload | undefined;
  #isCut = false;

  constructor(model: HdfsModel, uploads: Set<Upload>, label: string, call: Interpose) {
    this.#model = model;
    this.#uploads = uploads;
    this.#label = label;
    this.#call = call;
  }

  async run(request: Parameters<HdfsModel['open']>[0], body: WireRequest['body']): Promise<HdfsResponse> {
    const upload = await this.#call(`${this.#label} open`, async () => orNever(() => this.#opened(request)));
    for await (const piece of piecesOf(body)) {
      // One that is refused is answered at once, and the rest of the body not asked for.
      if (this.#isCut || upload.isRefused) break;
      // Copied at once: the caller may use its memory again while a slow piece is on its way.
      const copy = Buffer.from(piece);
      await this.#call(`${this.#label} write`, async () => upload.write(copy));
    }
    return this.#call(`${this.#label} close`, async () => {
      this.#uploads.delete(upload);
      return orNever(() => upload.finish());
    });
  }

  cut(): void {
    this.#isCut = true;
    if (this.#upload === undefined) return;
    this.#uploads.delete(this.#upload);
    this.#upload.cut();
  }

  #opened(request: Parameters<HdfsModel['open']>[0]): Upload {
    const upload = this.#model.open(request);
    this.#upload = upload;
    if (this.#isCut) upload.cut();
    else this.#uploads.add(upload);
    return upload;
  }
}

async function* piecesOf(body: WireRequest['body']): AsyncGenerator<Buffer> {
  if (body === undefined) return;
  if (Buffer.isBuffer(body)) yield body;
  else yield* body;
}

async function collected(body: WireRequest['body']): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of piecesOf(body)) pieces.push(Buffer.from(piece));
  return Buffer.concat(pieces);
}

function responseOf({ status, headers, body }: HdfsResponse): WireResponse {
  return {
    status,
    headers,
    body: (async function* () {
      if (body.length > 0) yield body;
    })(),
  };
}

async function orNever<T>(take: () => T): Promise<T> {
  try {
    return take();
  } catch (error) {
    if (error instanceof NoAnswer) return new Promise<never>(() => {});
    throw error;
  }
}

/** The request stays on its way, as one does that the network has already taken. */
function unlessAborted<T>(answered: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return answered;
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
    const done = () => signal.removeEventListener('abort', onAbort);
    answered.then(done, done);
    answered.then(resolve, reject);
  });
}
