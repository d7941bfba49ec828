/** How one operation of WebHDFS is asked for, and what may be done when its answer is lost. */
export interface Operation {
  readonly method: 'GET' | 'PUT' | 'POST' | 'DELETE';
  /** Asked again after doubt, it comes to the same. */
  readonly isIdempotent: boolean;
  /** The NameNode only names a DataNode, which does the work. */
  readonly isTwoStep: boolean;
  /** A standby NameNode refuses it, so that an answer proves an active one. It hands out DataNodes for CREATE all the same. */
  readonly provesActive: boolean;
  /** Completes "could not ... /path". */
  readonly doing: string;
}

const look = (doing: string): Operation => ({
  ...{ method: 'GET', isIdempotent: true, isTwoStep: false, provesActive: true },
  doing,
});
const change = (method: 'PUT' | 'POST' | 'DELETE', doing: string): Operation => ({
  ...{ method, isIdempotent: true, isTwoStep: false, provesActive: true },
  doing,
});
/** After doubt the caller has to look: what was asked for may have happened. */
const changeOnce = (method: 'PUT' | 'POST', doing: string): Operation => ({
  ...change(method, doing),
  isIdempotent: false,
});

export const OPERATIONS = {
  OPEN: { ...look('read'), isTwoStep: true },
  GETFILESTATUS: look('look at'),
  LISTSTATUS: look('list'),
  LISTSTATUS_BATCH: look('list'),
  GETCONTENTSUMMARY: look('sum up'),
  CHECKACCESS: look('check the access to'),
  CREATE: { ...changeOnce('PUT', 'write'), isTwoStep: true, provesActive: false },
  APPEND: { ...changeOnce('POST', 'append to'), isTwoStep: true },
  RENAME: changeOnce('PUT', 'rename'),
  CONCAT: changeOnce('POST', 'concatenate into'),
  // Shortened again, it would lose what was appended in between.
  TRUNCATE: changeOnce('POST', 'shorten'),
  MKDIRS: change('PUT', 'make the directory'),
  DELETE: change('DELETE', 'delete'),
  SETPERMISSION: change('PUT', 'set the permission of'),
  SETTIMES: change('PUT', 'set the times of'),
  GETDELEGATIONTOKEN: look('get a delegation token from'),
  RENEWDELEGATIONTOKEN: change('PUT', 'renew a delegation token at'),
  CANCELDELEGATIONTOKEN: changeOnce('PUT', 'cancel a delegation token at'),
} as const satisfies Record<string, Operation>;

export type OperationName = keyof typeof OPERATIONS;
