import assert from 'node:assert/strict';
import { API, encodedPath, type HdfsRequest, type HdfsResponse, type HdfsUpload, type HdfsWire } from '../http.ts';

/** What a case gets: a way to a cluster, and an empty directory of its own there. */
export interface HdfsLab {
  /** Who answers. */
  readonly kind: 'nameNode' | 'gateway';
  readonly wire: HdfsWire;
  /** `http://host:port` of the active NameNode, or of a gateway. */
  readonly url: string;
  /** Absolute, and owned by `user`. */
  readonly dir: string;
  /** May do everything. */
  readonly user: string;
  /** Lets time go by before a case looks again. */
  pause(): Promise<void>;
  /** Where the cluster itself can be told something. */
  readonly controls?: HdfsControls;
}

export interface HdfsControls {
  setSafeMode(on: boolean): Promise<void>;
  /** `http://host:port` of a NameNode that is not the active one. */
  readonly standbyUrl: string;
  /** The two change places; `url` is the standby from here on. */
  failOver(): Promise<void>;
  failBack(): Promise<void>;
  /** kill -9 of all of them; resolves before a NameNode notices. */
  killDataNodes(): Promise<void>;
  /** Resolves once the NameNode has noticed that. */
  missDataNodes(): Promise<void>;
  startDataNodes(): Promise<void>;
}

/** What a cluster answers, as something it does or not; `run` throws when it does not. */
export interface HdfsCase {
  readonly name: string;
  /** Needs `lab.controls`. */
  readonly needsControls?: true;
  run(lab: HdfsLab): Promise<void>;
}

/** An operation and its parameters. */
export type Query = Readonly<Record<string, string | number | boolean>>;

const METHODS: Readonly<Record<string, string>> = {
  APPEND: 'POST',
  CONCAT: 'POST',
  TRUNCATE: 'POST',
  CREATE: 'PUT',
  MKDIRS: 'PUT',
  RENAME: 'PUT',
  SETPERMISSION: 'PUT',
  SETOWNER: 'PUT',
  SETTIMES: 'PUT',
  SETQUOTA: 'PUT',
  DELETE: 'DELETE',
};

/** What bodies are sent as; a gateway refuses anything else. */
const OCTETS = { 'content-type': 'application/octet-stream' };

/** Absolute path of something below the directory of the case. */
export const at = ({ dir }: HdfsLab, name: string) => (name === '' ? dir : `${dir}/${name}`);

/** A request about something below the directory of the case. `user` stands for the superuser unless it is given. */
export function requestOf(lab: HdfsLab, op: string, name: string, query: Query = {}): HdfsRequest {
  const { on = lab.url, user = lab.user, ...parameters } = query;
  const pairs = Object.entries({ op, 'user.name': user, ...parameters });
  const text = pairs.map(([key, value]) => `${key}=${encodeURIComponent(value)}`).join('&');
  const method = METHODS[op] ?? 'GET';
  return { method, url: `${on}${API}${encodedPath(at(lab, name))}?${text}`, headers: {} };
}

/** One request. `on` is the NameNode to ask, unless it is the active one. */
export function call(lab: HdfsLab, op: string, name: string, query: Query = {}): Promise<HdfsResponse> {
  return lab.wire.send(requestOf(lab, op, name, query));
}

/** The first step of reading and writing: where the bytes are. */
export async function locate(lab: HdfsLab, op: string, name: string, query: Query = {}): Promise<string> {
  const answer = await call(lab, op, name, { ...query, noredirect: true });
  assert.equal(answer.status, 200, `${op} ${name}: ${describe(answer)}`);
  const { Location } = jsonOf(answer) as { Location: string };
  assert.match(Location, /^http:/);
  return Location;
}

export const upload = (op: string, url: string, body: string | Buffer): HdfsRequest => ({
  method: op === 'CREATE' ? 'PUT' : 'POST',
  url,
  headers: { ...OCTETS, 'content-length': String(Buffer.byteLength(body)) },
  body: Buffer.from(body as string),
});

/** Both steps of a write. */
export async function write(
  lab: HdfsLab,
  name: string,
  body: string | Buffer,
  { op = 'CREATE', ...query }: Query & { op?: string } = {},
): Promise<HdfsResponse> {
  return lab.wire.send(upload(op, await locate(lab, op, name, query), body));
}

/** A file that has to be written. */
export async function put(lab: HdfsLab, name: string, body: string | Buffer, query: Query = {}): Promise<void> {
  const answer = await write(lab, name, body, query);
  assert.equal(answer.status, 201, `CREATE ${name}: ${describe(answer)}`);
}

/** A file under way, once its name is there. What was sent need not have arrived. */
export async function openUpload(
  lab: HdfsLab,
  name: string,
  firstBytes: string | Buffer,
  { op = 'CREATE', ...query }: Query & { op?: string } = {},
): Promise<HdfsUpload> {
  const url = await locate(lab, op, name, query);
  const { body, ...request } = upload(op, url, firstBytes);
  const before = query.overwrite === true ? await idOf(lab, name) : undefined;
  const opened = await lab.wire.open({
    ...request,
    headers: { ...OCTETS, 'transfer-encoding': 'chunked' },
    ...(body && { body }),
  });
  await until(lab, `${name} is there`, async () => {
    const id = await idOf(lab, name);
    return id !== undefined && id !== before;
  });
  return opened;
}

async function idOf(lab: HdfsLab, name: string): Promise<unknown> {
  return ((await status(lab, name)) as { fileId?: unknown } | undefined)?.fileId;
}

/** Both steps of a read. */
export async function read(lab: HdfsLab, name: string, query: Query = {}): Promise<HdfsResponse> {
  const url = await locate(lab, 'OPEN', name, query);
  return lab.wire.send({ method: 'GET', url, headers: {} });
}

export async function textOf(lab: HdfsLab, name: string, query: Query = {}): Promise<string> {
  const answer = await read(lab, name, query);
  assert.equal(answer.status, 200, `OPEN ${name}: ${describe(answer)}`);
  return answer.body.toString();
}

export interface FileStatus {
  readonly type: 'FILE' | 'DIRECTORY';
  readonly length: number;
  readonly pathSuffix: string;
  readonly owner: string;
  readonly group: string;
  readonly permission: string;
  readonly replication: number;
  readonly blockSize: number;
  readonly modificationTime: number;
}

/** Undefined where nothing has the name. */
export async function status(lab: HdfsLab, name: string): Promise<FileStatus | undefined> {
  const answer = await call(lab, 'GETFILESTATUS', name);
  if (answer.status === 404) {
    refused(lab, answer, 404, 'FileNotFoundException');
    return undefined;
  }
  assert.equal(answer.status, 200, describe(answer));
  return (jsonOf(answer) as { FileStatus: FileStatus }).FileStatus;
}

export async function lengthOf(lab: HdfsLab, name: string): Promise<number | undefined> {
  return (await status(lab, name))?.length;
}

export async function mkdirs(lab: HdfsLab, name: string): Promise<void> {
  says(await call(lab, 'MKDIRS', name), true);
}

/** A rename without options, which answers with a boolean, or one with. */
export function rename(lab: HdfsLab, from: string, to: string, renameoptions?: string): Promise<HdfsResponse> {
  const options = renameoptions === undefined ? {} : { renameoptions };
  return call(lab, 'RENAME', from, { destination: at(lab, to), ...options });
}

export async function namesIn(lab: HdfsLab, name: string): Promise<string[]> {
  const answer = await call(lab, 'LISTSTATUS', name);
  assert.equal(answer.status, 200, describe(answer));
  const { FileStatuses } = jsonOf(answer) as { FileStatuses: { FileStatus: FileStatus[] } };
  return FileStatuses.FileStatus.map(({ pathSuffix }) => pathSuffix);
}

export function jsonOf(answer: HdfsResponse): unknown {
  return JSON.parse(answer.body.toString());
}

/** Throws unless it is 200 with that boolean. */
export function says(answer: HdfsResponse, expected: boolean): void {
  assert.equal(answer.status, 200, describe(answer));
  assert.deepEqual(jsonOf(answer), { boolean: expected });
}

/** Throws unless it is 200 without a body. */
export function done(answer: HdfsResponse): void {
  assert.equal(answer.status, 200, describe(answer));
  assert.equal(answer.body.length, 0, describe(answer));
}

/**
 * Throws unless it is refused with that status and one of those exceptions, by their short names. A gateway says 500 where a
 * NameNode says 403.
 */
export function refused({ kind }: HdfsLab, answer: HdfsResponse, expected: number, ...exceptions: string[]): void {
  assert.equal(answer.status, kind === 'gateway' && expected === 403 ? 500 : expected, describe(answer));
  const { RemoteException } = jsonOf(answer) as { RemoteException: Record<string, string> };
  assert.ok(exceptions.includes(RemoteException.exception ?? ''), `${exceptions} expected, got ${describe(answer)}`);
  // `$` where it is a class inside of another one
  assert.equal(RemoteException.javaClassName?.split(/[.$]/).at(-1), RemoteException.exception);
  assert.equal(typeof RemoteException.message, 'string');
}

/**
 * What a name is refused with that somebody else is writing to. Everybody who writes through a gateway is one and the same
 * for HDFS, and a gateway does not unwrap what it is told then.
 */
export const beingWritten = ({ kind }: HdfsLab): string =>
  kind === 'gateway' ? 'RemoteException' : 'AlreadyBeingCreatedException';

/** Looks until it is so, and not for ever. */
export async function until(lab: HdfsLab, what: string, probe: () => Promise<boolean>): Promise<void> {
  for (let look = 0; look < 200; look++) {
    if (await probe()) return;
    await lab.pause();
  }
  assert.fail(`never: ${what}`);
}

export const describe = ({ status: code, body }: HdfsResponse) => `${code} ${body.toString().slice(0, 300)}`;
