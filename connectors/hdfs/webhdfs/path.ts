import { HdfsError } from './errors.ts';

/** Parameters of one call, in the order in which they are sent; undefined ones are left out. */
export type Query = Readonly<Record<string, string | number | boolean | undefined>>;

const API = '/webhdfs/v1';

/** The URL of a call. `base` is where the API of a cluster begins, without `/webhdfs/v1`. */
export function urlOf(base: string, path: string, query: Query): string {
  const parameters = Object.entries(query).flatMap(([name, value]) =>
    value === undefined ? [] : `${name}=${encodeURIComponent(value)}`,
  );
  return `${base}${API}${encodedPath(path)}?${parameters.join('&')}`;
}

/** Each segment for itself. `%2B` rather than `+`, which gateways on the way may take for a space. */
function encodedPath(path: string): string {
  requirePath(path);
  return path.split('/').map(encodeURIComponent).join('/');
}

/** Throws for what no path of HDFS is, before anything is sent. */
export function requirePath(path: string): void {
  const why = whyNoPath(path);
  if (why !== undefined) throw badName(path, why);
}

/** Throws for a path that cannot be one of several in a parameter. */
export function requireListable(path: string): void {
  requirePath(path);
  if (path.includes(',')) throw badName(path, 'in a list of paths none may hold ","');
}

function badName(path: string, why: string): HdfsError {
  return new HdfsError('badName', 'config', 'HDFS_BAD_NAME', {
    message: `${JSON.stringify(path)} cannot be sent: ${why}`,
    help: 'Paths begin with "/", name each directory once, and hold no ":"; write a time as 12-00 or 1200.',
    details: { path },
  });
}

/** Undefined for a path that HDFS takes. */
export function whyNoPath(path: string): string | undefined {
  if (!path.startsWith('/')) return 'it does not begin with "/"';
  if (path === '/') return undefined;
  if (!path.isWellFormed()) return 'it is not well-formed Unicode';
  const names = path.slice(1).split('/');
  if (names.includes('')) return 'a name is empty';
  if (names.includes('.') || names.includes('..')) return '"." and ".." are no names';
  // The NameNode refuses it too, but with an answer that reads as if the request were wrong.
  if (path.includes(':')) return 'no name may hold ":"';
  return undefined;
}
