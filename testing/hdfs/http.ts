/** One HTTP request, as a client sends it. */
export interface HdfsRequest {
  readonly method: string;
  /** Absolute. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Uint8Array;
}

export interface HdfsResponse {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
  /** How many interim answers came before it; undefined where nobody can see them. */
  readonly interim?: number;
}

/** A request whose body is under way. */
export interface HdfsUpload {
  write(bytes: Uint8Array): Promise<void>;
  /** The body ends here. */
  finish(): Promise<HdfsResponse>;
  /** The connection is cut, with what was sent already delivered. */
  cut(): Promise<void>;
}

/** The way to a cluster for somebody who sends each request once. */
export interface HdfsWire {
  send(request: HdfsRequest): Promise<HdfsResponse>;
  /** Sends everything but the rest of a body. */
  open(request: HdfsRequest): Promise<HdfsUpload>;
}

export const NO_BODY = Buffer.alloc(0);
/** In front of every path. */
export const API = '/webhdfs/v1';

/** Each segment is encoded for itself, and a slash is always a separator. */
export const encodedPath = (path: string) => path.split('/').map(encodeURIComponent).join('/');
