import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { HdfsReason } from '../../../connectors/hdfs/webhdfs/errors.ts';
import { type Asked, failureOfAnswer, failureOfSilence } from '../../../connectors/hdfs/webhdfs/failure.ts';
import { OPERATIONS } from '../../../connectors/hdfs/webhdfs/operations.ts';
import { WireError } from '../../../connectors/hdfs/webhdfs/wire.ts';

const asked: Asked = {
  ...{ operation: OPERATIONS.RENAME, path: '/a', target: '/b', isSecond: false },
  url: 'http://nn1:9870/webhdfs/v1/a?op=RENAME&delegation=SECRET',
};
const answered = (status: number, exception?: string, message = 'said', more: Partial<Asked> = {}) =>
  failureOfAnswer(
    {
      ...{ status, headers: {} },
      json:
        exception === undefined ? null : { RemoteException: { exception, javaClassName: `x.${exception}`, message } },
    },
    { ...asked, ...more },
  );

test('the name of the exception decides, whatever the status: HttpFS says 500 where a NameNode says 403', () => {
  const meanings: [exception: string, reason: HdfsReason, kind: string][] = [
    ['StandbyException', 'standby', 'unavailable'],
    ['RetriableException', 'retriable', 'unavailable'],
    ['SafeModeException', 'safeMode', 'unavailable'],
    ['FileNotFoundException', 'notFound', 'rejected'],
    ['FileAlreadyExistsException', 'exists', 'rejected'],
    ['AlreadyBeingCreatedException', 'beingCreated', 'rejected'],
    ['RecoveryInProgressException', 'beingCreated', 'rejected'],
    ['PathIsNotEmptyDirectoryException', 'notEmpty', 'rejected'],
    ['ParentNotDirectoryException', 'parentNotDirectory', 'rejected'],
    ['AccessControlException', 'denied', 'rejected'],
    ['SecurityException', 'credentials', 'rejected'],
    ['InvalidToken', 'credentials', 'rejected'],
    ['NSQuotaExceededException', 'quota', 'rejected'],
    ['DSQuotaExceededException', 'quota', 'rejected'],
    ['InvalidPathException', 'badName', 'config'],
    ['IllegalArgumentException', 'refused', 'rejected'],
    ['IOException', 'unknown', 'unavailable'],
    ['NullPointerException', 'unknown', 'rejected'],
    ['toString', 'unknown', 'rejected'],
  ];
  for (const [exception, reason, kind] of meanings)
    for (const status of [400, 403, 404, 500]) {
      const error = answered(status, exception);
      assert.deepEqual([error.reason, error.kind], [reason, kind], `${status} ${exception}`);
    }
});

test('a NameNode that finds no DataNode has no name for it but IOException, and says so in the first step only', () => {
  const first = { operation: OPERATIONS.CREATE, isSecond: false };

  assert.equal(answered(403, 'IOException', 'Failed to find datanode', first).reason, 'noDataNode');
  assert.equal(answered(403, 'IOException', 'disk', { ...first, isSecond: true }).reason, 'unknown');
});

test('where nothing of Hadoop has answered, the status is all there is', () => {
  const reasons: [number, HdfsReason][] = [
    [401, 'credentials'],
    [403, 'denied'],
    [404, 'refused'],
    [302, 'refused'],
    [429, 'unknown'],
    [500, 'unknown'],
    [503, 'unknown'],
  ];
  for (const [status, reason] of reasons) assert.equal(answered(status).reason, reason, `${status}`);
});

test('a sentence says what, where and why, without the stack trace, and no token is in it', () => {
  const error = answered(403, 'IOException', 'no: http://dn/x?delegation=SECRET&a=1\n\tat java.lang.Thread.run');

  assert.equal(
    error.message,
    'could not rename /a to /b at http://nn1:9870: no: http://dn/x?delegation=***&a=1 (IOException)',
  );
  assert.doesNotMatch(JSON.stringify(error.details), /SECRET/);
  assert.match(answered(403, 'IOException', 'x', { isDataNode: true }).message, / at DataNode http:/);
});

test('no answer is a doubt, unless no connection came about', () => {
  const silence = (cause: unknown, isDataNode = false) => {
    const error = failureOfSilence(cause, { ...asked, isDataNode });
    return [(error as unknown as { reason: string }).reason, error.kind, error.code];
  };
  const code = (name: string) => Object.assign(new Error(name), { code: name });

  assert.deepEqual(silence(new WireError('x', { isSent: true, code: 'ECONNRESET' })), [
    'unknown',
    'unavailable',
    'HDFS_UNAVAILABLE',
  ]);
  assert.deepEqual(silence(new WireError('x', { isSent: false })), ['unreachable', 'unavailable', 'HDFS_UNREACHABLE']);
  assert.deepEqual(silence(new WireError('x', { isSent: false }), true)[2], 'HDFS_DATANODE_UNREACHABLE');
  assert.deepEqual(silence(code('ECONNREFUSED'))[0], 'unreachable');
  assert.deepEqual(silence(code('ECONNRESET'))[0], 'unknown');
  assert.deepEqual(silence(code('EHOSTUNREACH'))[0], 'unknown');
  assert.deepEqual(silence(new WireError('x', { isSent: false, code: 'CERT_HAS_EXPIRED' })), [
    'refused',
    'config',
    'HDFS_CERTIFICATE',
  ]);
});
