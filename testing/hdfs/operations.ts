import type { Context } from './context.ts';
import { HdfsRefusal } from './errors.ts';
import { requireReadable, truncate } from './files.ts';
import * as looks from './looks.ts';
import { concat, mkdirs, remove, rename } from './names.ts';
import { requireValid } from './tree.ts';

/** Its method; whether it looks, changes something, or only names a place; and what a NameNode does. */
type Operation = readonly [
  method: 'GET' | 'PUT' | 'POST' | 'DELETE',
  kind: 'look' | 'change' | 'place',
  (context: Context) => object | undefined,
];

const placed = (check: (context: Context) => void) => (context: Context) => {
  check(context);
  return undefined;
};

const OPERATIONS: Readonly<Record<string, Operation>> = {
  GETFILESTATUS: ['GET', 'look', looks.getFileStatus],
  LISTSTATUS: ['GET', 'look', looks.listStatus],
  LISTSTATUS_BATCH: ['GET', 'look', looks.listStatusBatch],
  GETCONTENTSUMMARY: ['GET', 'look', looks.getContentSummary],
  CHECKACCESS: ['GET', 'look', looks.checkAccess],
  MKDIRS: ['PUT', 'change', mkdirs],
  RENAME: ['PUT', 'change', rename],
  DELETE: ['DELETE', 'change', remove],
  SETPERMISSION: ['PUT', 'change', looks.setPermission],
  SETOWNER: ['PUT', 'change', looks.setOwner],
  SETTIMES: ['PUT', 'change', looks.setTimes],
  SETQUOTA: ['PUT', 'change', looks.setQuota],
  CONCAT: ['POST', 'change', concat],
  TRUNCATE: ['POST', 'change', truncate],
  OPEN: ['GET', 'place', placed(requireReadable)],
  CREATE: ['PUT', 'place', placed(({ path }) => requireValid(path))],
  APPEND: ['POST', 'place', placed((context) => void looks.getFileStatus(context))],
};

/** Refuses what is none, or none of that method. A gateway knows fewer, and says so in its own way. */
export function requireOperation(method: string, op: string, via: Context['via']): Operation {
  const operation = OPERATIONS[op];
  const isKnown = operation !== undefined && !(via === 'gateway' && op === 'SETQUOTA');
  if (isKnown && operation[0] === method) return operation;
  if (via === 'gateway')
    throw new HdfsRefusal('QueryParamException', `java.lang.IllegalArgumentException: No enum constant ${op}`);
  const what = `Invalid value for webhdfs parameter "op": ${op} is not a valid ${method} operation.`;
  throw new HdfsRefusal('IllegalArgumentException', what);
}
