import type { ErrorKind } from '../../../core/spi.ts';
import type { HdfsReason } from './errors.ts';
import type { Operation } from './operations.ts';
import type { RemoteException } from './remote-answer.ts';

/** What an answer, or the lack of one, comes to. */
export interface Meaning {
  readonly reason: HdfsReason;
  readonly kind: ErrorKind;
  readonly code: string;
  readonly help: string;
}

/** Which part of a call was answered. */
export interface AnsweredStep {
  readonly operation: Pick<Operation, 'isTwoStep'>;
  /** Of a two-step call, whether it was the DataNode that answered. */
  readonly isSecond: boolean;
}

const meaning = (reason: HdfsReason, kind: ErrorKind, code: string, help: string): Meaning => ({
  reason,
  kind,
  code,
  help,
});

export const NO_ANSWER = meaning(
  'unknown',
  'unavailable',
  'HDFS_UNAVAILABLE',
  'Look after the cluster and the network. What was asked for may have happened.',
);
const SERVER_ERROR = meaning(
  'unknown',
  'rejected',
  'HDFS_SERVER_ERROR',
  'The message of the server says why; its log has the rest. What was asked for may have happened.',
);
export const UNREACHABLE = meaning(
  'unreachable',
  'unavailable',
  'HDFS_UNREACHABLE',
  'Nothing answers there: check urls and the network.',
);
export const DATANODE_UNREACHABLE = meaning(
  'unreachable',
  'unavailable',
  'HDFS_DATANODE_UNREACHABLE',
  'This is the address that the NameNode hands out for a DataNode. If it never answers from here, let DataNodes register with a ' +
    'name that resolves here (dfs.datanode.hostname), or go through HttpFS or Knox.',
);
export const CERTIFICATE = meaning(
  'refused',
  'config',
  'HDFS_CERTIFICATE',
  'The certificate is not trusted: put the authority that signed it into a file and its path into NODE_EXTRA_CA_CERTS.',
);
export const NOT_WEBHDFS = meaning(
  'refused',
  'config',
  'HDFS_NOT_WEBHDFS',
  'This is no answer of WebHDFS: urls name the HTTP port of a NameNode (9870), of HttpFS (14000) or a Knox topology.',
);
export const REDIRECT = meaning(
  'refused',
  'config',
  'HDFS_REDIRECT',
  'It was not followed. DataNodes have to be at ordinary addresses, over HTTPS when the NameNode is, and among dataNodeHosts if that is set.',
);
export const REFUSED = meaning('refused', 'rejected', 'HDFS_REFUSED', 'The message of the server says why.');
export const NO_TOKENS = meaning(
  'refused',
  'config',
  'HDFS_NO_TOKENS',
  'The cluster believes names and hands out no delegation tokens: use auth simple.',
);
export const NOT_RENAMED = meaning(
  'notRenamed',
  'rejected',
  'HDFS_NOT_RENAMED',
  'The target exists, or the source or the directory of the target does not; a plain rename does not say which.',
);

const STANDBY = meaning(
  'standby',
  'unavailable',
  'HDFS_STANDBY',
  'No NameNode of urls is active. Check that urls names all of them, and that one is made active (hdfs haadmin -getAllServiceState).',
);
const RETRIABLE = meaning('retriable', 'unavailable', 'HDFS_RETRIABLE', 'The NameNode asks to come again later.');
const SAFE_MODE = meaning(
  'safeMode',
  'unavailable',
  'HDFS_SAFE_MODE',
  'The NameNode takes no changes while it waits for DataNodes, or was told so: hdfs dfsadmin -safemode get.',
);
const NOT_FOUND = meaning('notFound', 'rejected', 'HDFS_NOT_FOUND', 'Find out what removed it, or never made it.');
export const EXISTS = meaning('exists', 'rejected', 'HDFS_EXISTS', 'Something is there already.');
const BEING_CREATED = meaning(
  'beingCreated',
  'rejected',
  'HDFS_BEING_CREATED',
  'Somebody writes it, or its writer died less than a minute ago. Find the writer, or take another name.',
);
const NOT_EMPTY = meaning('notEmpty', 'rejected', 'HDFS_NOT_EMPTY', 'The directory still has entries.');
const PARENT = meaning(
  'parentNotDirectory',
  'rejected',
  'HDFS_PARENT_NOT_DIRECTORY',
  'A file is where a directory has to be: remove it, or choose another path.',
);
const DENIED = meaning(
  'denied',
  'rejected',
  'HDFS_ACCESS_DENIED',
  'Give the user the permission that the message names, on this path or on its parent; writing needs w and x there.',
);
const CREDENTIALS = meaning(
  'credentials',
  'rejected',
  'HDFS_CREDENTIALS',
  'Check user and auth: a ticket (klist), a delegation token that is not expired or cancelled, or user and password.',
);
const QUOTA = meaning(
  'quota',
  'rejected',
  'HDFS_QUOTA',
  'Raise the quota of the directory, or free some. A whole block times replication is reserved for each file being written.',
);
const NO_DATANODE = meaning(
  'noDataNode',
  'unavailable',
  'HDFS_NO_DATANODE',
  'No DataNode is alive that has the block or could take one: hdfs dfsadmin -report.',
);
const NAME = meaning(
  'badName',
  'config',
  'HDFS_BAD_NAME',
  'Names hold no ":" and at most 255 bytes (dfs.namenode.fs-limits.max-component-length).',
);

/** By the simple name of the exception, which decides: HttpFS says 500 where a NameNode says 403. */
const BY_EXCEPTION: Readonly<Record<string, Meaning>> = {
  StandbyException: STANDBY,
  ObserverRetryOnActiveException: STANDBY,
  RetriableException: RETRIABLE,
  SafeModeException: SAFE_MODE,
  FileNotFoundException: NOT_FOUND,
  PathNotFoundException: NOT_FOUND,
  LeaseExpiredException: NOT_FOUND,
  FileAlreadyExistsException: EXISTS,
  PathExistsException: EXISTS,
  AlreadyBeingCreatedException: BEING_CREATED,
  RecoveryInProgressException: BEING_CREATED,
  PathIsNotEmptyDirectoryException: NOT_EMPTY,
  ParentNotDirectoryException: PARENT,
  PathIsNotDirectoryException: PARENT,
  AccessControlException: DENIED,
  AuthorizationException: DENIED,
  SecurityException: CREDENTIALS,
  InvalidToken: CREDENTIALS,
  AuthenticationException: CREDENTIALS,
  NSQuotaExceededException: QUOTA,
  DSQuotaExceededException: QUOTA,
  QuotaExceededException: QUOTA,
  QuotaByStorageTypeExceededException: QUOTA,
  InvalidPathException: NAME,
  PathComponentTooLongException: NAME,
  MaxDirectoryItemsExceededException: meaning(
    'refused',
    'rejected',
    'HDFS_DIRECTORY_FULL',
    'The directory has as many entries as the NameNode allows (dfs.namenode.fs-limits.max-directory-items).',
  ),
  // Too short, too long, an option that does not exist: what was asked for makes no sense there.
  IllegalArgumentException: REFUSED,
  HadoopIllegalArgumentException: REFUSED,
  UnsupportedOperationException: REFUSED,
  UnresolvedPathException: REFUSED,
};

/** Of an answer that is no success. */
export function meaningOf(remote: RemoteException | undefined, status: number, step: AnsweredStep): Meaning {
  if (remote === undefined) return meaningOfStatus(status);
  const known = Object.hasOwn(BY_EXCEPTION, remote.exception) ? BY_EXCEPTION[remote.exception] : undefined;
  if (known !== undefined) return known;
  // All that a NameNode does in the first step is to choose a DataNode, and when it finds none it has no better name for it.
  if (remote.exception === 'IOException' && step.operation.isTwoStep && !step.isSecond) return NO_DATANODE;
  // Whatever came in its way, at whatever point: no DataNode for a block, a pipeline that broke, a disk.
  return remote.exception === 'IOException' ? NO_ANSWER : SERVER_ERROR;
}

/** Of answers that no WebHDFS has made: by proxies, by the filter that asks who comes, by a server that is starting. */
function meaningOfStatus(status: number): Meaning {
  if (status === 401 || status === 407) return CREDENTIALS;
  if (status === 403) return DENIED;
  if (status >= 500 || status === 408 || status === 429) return NO_ANSWER;
  return NOT_WEBHDFS;
}
