import type { HdfsResponse } from './http.ts';

/** What HDFS refuses with: its status, and the package of the Java class. */
const EXCEPTIONS = {
  AccessControlException: [403, 'org.apache.hadoop.security.'],
  AlreadyBeingCreatedException: [403, 'org.apache.hadoop.hdfs.protocol.'],
  ConnectException: [403, 'java.net.'],
  DSQuotaExceededException: [403, 'org.apache.hadoop.hdfs.protocol.'],
  EOFException: [403, 'java.io.'],
  FileAlreadyExistsException: [403, 'org.apache.hadoop.fs.'],
  FileNotFoundException: [404, 'java.io.'],
  HadoopIllegalArgumentException: [400, 'org.apache.hadoop.'],
  IllegalArgumentException: [400, 'java.lang.'],
  InvalidPathException: [400, 'org.apache.hadoop.fs.'],
  IOException: [403, 'java.io.'],
  NSQuotaExceededException: [403, 'org.apache.hadoop.hdfs.protocol.'],
  ParentNotDirectoryException: [403, 'org.apache.hadoop.fs.'],
  PathComponentTooLongException: [403, 'org.apache.hadoop.hdfs.protocol.FSLimitException$'],
  PathIsNotEmptyDirectoryException: [403, 'org.apache.hadoop.fs.'],
  QueryParamException: [500, 'com.sun.jersey.api.ParamException$'],
  RecoveryInProgressException: [403, 'org.apache.hadoop.hdfs.protocol.'],
  RemoteException: [500, 'org.apache.hadoop.ipc.'],
  RetriableException: [403, 'org.apache.hadoop.ipc.'],
  SafeModeException: [403, 'org.apache.hadoop.hdfs.server.namenode.'],
  StandbyException: [403, 'org.apache.hadoop.ipc.'],
} as const satisfies Record<string, readonly [status: number, prefix: string]>;

export type ExceptionName = keyof typeof EXCEPTIONS;

/** Ends a request: thrown inside of the model, answered by it. */
export class HdfsRefusal extends Error {
  readonly exception: ExceptionName;

  constructor(exception: ExceptionName, message: string) {
    super(message);
    this.exception = exception;
  }
}

/** The answer with which a request is refused. A gateway says 500 where a NameNode says 403. */
export function refusal(exception: ExceptionName, message: string, from: 'hdfs' | 'gateway' = 'hdfs'): HdfsResponse {
  const [status, prefix] = EXCEPTIONS[exception];
  const named = { exception, javaClassName: `${prefix}${exception}`, message };
  return json(from === 'gateway' && status === 403 ? 500 : status, { RemoteException: named });
}

export function json(status: number, value: unknown): HdfsResponse {
  const body = Buffer.from(JSON.stringify(value));
  return { status, headers: { 'content-type': 'application/json', 'content-length': String(body.length) }, body };
}

/** As a socket reports it; what was asked for has not happened. */
export function connectionRefused(url: string): Error {
  return Object.assign(new Error(`connect ECONNREFUSED ${new URL(url).host}`), { code: 'ECONNREFUSED' });
}

/** As a socket reports it; nobody knows what has happened. */
export function connectionReset(): Error {
  return Object.assign(new Error('socket hang up'), { code: 'ECONNRESET' });
}

/** Nothing comes back, however long one waits, and nobody knows what will happen. */
export class NoAnswer extends Error {
  constructor() {
    super('no answer will come');
  }
}
