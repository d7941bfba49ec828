import { subscribe } from 'node:diagnostics_channel';
import type { ClientRequest } from 'node:http';

/** Requests by kind: `data UploadPart`, `log PutObject` and so on. */
export type Requests = Record<string, number>;

/** Counts what this process sends to an S3 server or to HDFS, as Node's own HTTP client tells it; nothing is put in the way of a request. */
export class RequestCounter {
  readonly #requests: Requests = {};
  readonly #inFlight = new Set<ClientRequest>();
  #inFlightMax = 0;

  constructor() {
    subscribe('http.client.request.start', (message) => {
      const { request } = message as { request: ClientRequest };
      const kind = kindOf(request.method, request.path);
      this.#requests[kind] = (this.#requests[kind] ?? 0) + 1;
      this.#inFlight.add(request);
      this.#inFlightMax = Math.max(this.#inFlightMax, this.#inFlight.size);
    });
    for (const end of ['http.client.response.finish', 'http.client.request.error'])
      subscribe(end, (message) => this.#inFlight.delete((message as { request: ClientRequest }).request));
  }

  /** The most requests that waited for their answer at a time. */
  get inFlightMax(): number {
    return this.#inFlightMax;
  }

  get now(): Requests {
    return { ...this.#requests };
  }
}

/** What came between two looks. */
export function requestsBetween(before: Requests, after: Requests): Requests {
  const more = Object.entries(after).map(([kind, count]) => [kind, count - (before[kind] ?? 0)] as const);
  return Object.fromEntries(more.filter(([, count]) => count > 0));
}

function kindOf(method: string, path: string): string {
  const { pathname, searchParams } = new URL(path, 'http://s3');
  const of = `${pathname}/${searchParams.get('prefix') ?? ''}`.includes('/_sluice') ? 'log' : 'data';
  return `${of} ${operationOf(method, searchParams)}`;
}

function operationOf(method: string, query: URLSearchParams): string {
  const webHdfs = query.get('op');
  // Only the second step, to a DataNode, names its NameNode.
  if (webHdfs !== null) return query.has('namenoderpcaddress') ? `${webHdfs} bytes` : webHdfs;
  switch (method) {
    case 'PUT':
      return query.has('partNumber') ? 'UploadPart' : 'PutObject';
    case 'POST':
      return query.has('uploads') ? 'CreateMultipartUpload' : 'CompleteMultipartUpload';
    case 'HEAD':
      return 'HeadObject';
    case 'DELETE':
      return query.has('uploadId') ? 'AbortMultipartUpload' : 'DeleteObject';
    case 'GET':
      if (query.has('list-type')) return 'ListObjectsV2';
      if (query.has('uploads')) return 'ListMultipartUploads';
      return query.has('uploadId') ? 'ListParts' : 'GetObject';
    default:
      return method;
  }
}
