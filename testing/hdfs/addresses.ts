import { API, type HdfsRequest } from './http.ts';

/** What a request is about. */
export interface Target {
  /** `http://host:port` */
  readonly origin: string;
  /** Decoded, segment by segment. Undefined when it is none of WebHDFS. */
  readonly path: string | undefined;
  /** In upper case. */
  readonly op: string;
  readonly params: URLSearchParams;
}

export function targetOf({ url }: HdfsRequest): Target {
  const [, origin = '', rest = ''] = /^(\w+:\/\/[^/?]*)(.*)$/s.exec(url) ?? [];
  // Not by `URL`, which would take dots out of paths.
  const [rawPath = '', query = ''] = rest.split(/\?(.*)/s);
  const params = new URLSearchParams(query);
  const path = rawPath.startsWith(`${API}/`) ? decodedPath(rawPath.slice(API.length)) : undefined;
  return { origin, path, op: (params.get('op') ?? '').toUpperCase(), params };
}

function decodedPath(path: string): string | undefined {
  try {
    return path.split('/').map(decodeURIComponent).join('/');
  } catch {
    return undefined; // what cannot be decoded is no path
  }
}

/** `hdfs.RENAME /raw/a`: what a request does, for traces and for those who decide its fate. */
export function labelOf(request: HdfsRequest): string {
  const { op, path, params } = targetOf(request);
  const destination = params.get('destination');
  return `hdfs.${op || request.method} ${path ?? request.url}${destination === null ? '' : ` ${destination}`}`;
}

/**
 * A place where the second step goes, as a NameNode writes it: with letters of other alphabets as they are in JSON, and
 * encoded only in the header of a redirect.
 */
export function placeOf(origin: string, path: string, params: URLSearchParams, extra: Record<string, string>): string {
  const quoted = path.replaceAll(/[^\w\-.~!*'()/@:;&=+$,\u0080-\u{10ffff}]/gu, encodeURIComponent);
  const kept = ['op', 'user.name', 'doas', 'delegation', 'offset', 'length', 'blocksize', 'permission', 'replication'];
  const query = new URLSearchParams();
  for (const name of kept) {
    const value = params.get(name);
    if (value !== null) query.set(name, value);
  }
  for (const [name, value] of Object.entries(extra)) query.set(name, value);
  return `${origin}${API}${quoted}?${query}`;
}

export const inHeader = (place: string) => place.replaceAll(/[^\x21-\x7e]+/gu, encodeURIComponent);

/** With dots followed and slashes in a row made one. */
export function straightened(path: string): string {
  const names: string[] = [];
  for (const name of path.split('/')) {
    if (name === '..') names.pop();
    else if (name !== '.' && name !== '') names.push(name);
  }
  return `/${names.join('/')}`;
}
