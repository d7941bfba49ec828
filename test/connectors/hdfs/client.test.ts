import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  cutConnection,
  notFound,
  refusal,
  refusedConnection,
  type Script,
  scripted,
  status,
} from './support/scripted-wire.ts';

const location = { json: { Location: 'http://dn1:9864/webhdfs/v1/a?op=CREATE&x=1' } };
const created = { status: 201 };
const renamed = {};
/** A stream that says how much of it was taken. */
function streamOf(...texts: string[]) {
  const taken: string[] = [];
  async function* body() {
    for (const text of texts) {
      taken.push(text);
      yield Buffer.from(text);
    }
  }
  return { taken, body: body() };
}
const twoSteps =
  (second: Script): Script =>
  (request, nth) =>
    request.host.startsWith('nn') ? location : second(request, nth);

test('a write asks the NameNode for a place, and sends the bytes there, as they say', async () => {
  const { client, seen, run } = scripted(twoSteps(() => created));

  await run(client.create('/a', Buffer.from('hello'), { permission: '640', replication: 2, blockBytes: 1024 }));

  const [first, second] = seen;
  assert.deepEqual(first?.query, {
    ...{ op: 'CREATE', overwrite: 'false', permission: '640', replication: '2', blocksize: '1024' },
    ...{ noredirect: 'true', 'user.name': 'etl' },
  });
  assert.equal(first?.body, undefined);
  assert.equal(second?.method, 'PUT');
  assert.equal(second?.url, location.json.Location);
  assert.equal(second?.body, 'hello');
  assert.equal(second?.headers['content-type'], 'application/octet-stream');
});

test('a NameNode that does not know noredirect answers 307, which is as good', async () => {
  const { client, seen, run } = scripted(({ host }) =>
    host === 'dn1:9864' ? created : { status: 307, headers: { location: location.json.Location } },
  );

  await run(client.create('/a', streamOf('he', 'llo').body, { bodyBytes: 5 }));

  assert.equal(seen[1]?.body, 'hello');
  assert.equal(seen[1]?.headers['content-length'], '5');
});

test('a DataNode that redirects again is not followed', async () => {
  const { client, asked, run } = scripted(twoSteps(() => ({ status: 307, headers: { location: 'http://dn2/x' } })));

  await assert.rejects(run(client.create('/a', Buffer.from('x'))), { reason: 'refused', code: 'HDFS_REDIRECT' });
  assert.deepEqual(asked(), ['CREATE nn1:9870', 'CREATE dn1:9864']);
});

test('a redirect to where machines keep their secrets is not followed, and no token is in the message', async () => {
  const { client, seen, run } = scripted(() => ({ json: { Location: 'http://169.254.169.254/x?delegation=SECRET' } }));

  await assert.rejects(run(client.create('/a', Buffer.from('x'))), (error: Error) => {
    assert.match(error.message, /169\.254\.169\.254.*no DataNode/);
    assert.doesNotMatch(error.message, /SECRET/);
    return true;
  });
  assert.equal(seen.length, 1);
});

test('what a file holds is never taken for a Location', async () => {
  const bytes = Buffer.from('{"Location":"http://evil/"}');
  const { client, seen, run } = scripted(() => ({ bytes }));

  assert.deepEqual(await run(client.read('/a')), bytes);
  assert.equal(seen.length, 1);
  assert.equal(seen[0]?.query.noredirect, undefined);
});

test('a DataNode that cannot be reached is asked for anew, as long as nothing of the body is taken', async () => {
  let left = 3;
  const { client, asked, run } = scripted(
    twoSteps(() => (left-- > 0 ? refusedConnection() : created)),
    {
      takesBodies: false,
    },
  );

  await run(client.create('/a', streamOf('x').body));

  assert.equal(asked().filter((one) => one === 'CREATE nn1:9870').length, 4);
});

test('a write whose stream was taken, or that broke off, is never sent again', async () => {
  const begun = scripted(twoSteps(() => refusedConnection()));
  const cut = scripted(twoSteps(() => cutConnection()));
  const stream = streamOf('x');

  await assert.rejects(begun.run(begun.client.create('/a', stream.body)), { reason: 'unreachable' });
  await assert.rejects(cut.run(cut.client.create('/a', Buffer.from('x'))), { reason: 'unknown' });

  assert.deepEqual(stream.taken, ['x']);
  assert.equal(begun.seen.length, 2);
  assert.equal(cut.seen.length, 2);
});

test('a DataNode that nobody reaches ends in an error that names its address and the likely cause', async () => {
  const { client, run } = scripted(
    twoSteps(() => refusedConnection()),
    { takesBodies: false },
  );

  await assert.rejects(run(client.create('/a', Buffer.from('x'))), {
    ...{ reason: 'unreachable', kind: 'unavailable', code: 'HDFS_DATANODE_UNREACHABLE' },
    ...{ message: /DataNode http:\/\/dn1:9864/, help: /dfs\.datanode\.hostname/ },
  });
});

test('what the stream of a write throws is thrown on as it is', async () => {
  const { client, run } = scripted(twoSteps(() => created));
  const mine = new Error('mine');
  async function* failing() {
    yield Buffer.from('x');
    throw mine;
  }

  await assert.rejects(run(client.create('/a', failing())), (error) => error === mine);
});

test('a rename is strict, and never repeated after doubt', async () => {
  const { client, seen, run } = scripted(({ op }) => (op === 'RENAME' ? cutConnection() : notFound));

  await assert.rejects(run(client.rename('/a', '/b c')), { reason: 'unknown', message: /rename \/a to \/b c/ });

  const renames = seen.filter(({ op }) => op === 'RENAME');
  assert.equal(renames.length, 1);
  assert.equal(renames[0]?.query.renameoptions, 'NONE');
  assert.equal(renames[0]?.query.destination, '/b c');
});

test('whether renames are strict is learned from the first one: an empty answer is, true or false is not', async () => {
  const strict = scripted(({ op }) => (op === 'RENAME' ? renamed : notFound));
  const plain = scripted(({ op }) => (op === 'RENAME' ? { json: { boolean: true } } : notFound));
  const targets = ['/b', '/c', '/d'];

  for (const target of targets) await strict.run(strict.client.rename('/a', target));
  for (const target of targets) await plain.run(plain.client.rename('/a', target));

  assert.deepEqual(
    strict.seen.map(({ op }) => op),
    ['GETFILESTATUS', 'RENAME', 'RENAME', 'RENAME'],
  );
  assert.equal(plain.seen.filter(({ op }) => op === 'GETFILESTATUS').length, 3);
});

test('a gateway that would move a file into a directory is not asked to', async () => {
  const { client, seen, run } = scripted(({ op }) => (op === 'GETFILESTATUS' ? status(0, 'DIRECTORY') : renamed), {
    settings: { server: 'httpfs' },
  });

  await assert.rejects(run(client.rename('/a', '/directory')), { reason: 'exists' });
  assert.equal(seen.length, 1);
});

test('a rename answered with false is a failure that does not pretend to know which', async () => {
  const { client, run } = scripted(({ op }) => (op === 'RENAME' ? { json: { boolean: false } } : notFound));

  await assert.rejects(run(client.rename('/a', '/b')), { reason: 'notRenamed', kind: 'rejected' });
});

test('a page of a proxy is no success, not even where success has nothing to say', async () => {
  const page = { bytes: Buffer.from('<html>Sign in</html>') };
  const { client, run } = scripted(() => page, { settings: { server: 'namenode' } });

  await assert.rejects(run(client.rename('/a', '/b')), { reason: 'unknown' });
  await assert.rejects(run(client.getFileStatus('/a')), { reason: 'refused', code: 'HDFS_NOT_WEBHDFS' });
  await assert.rejects(run(client.setPermission('/a', '600')), { reason: 'refused' });
});

test('looking at what is missing is an answer, and a broken look is repeated', async () => {
  const missing = scripted(() => notFound);
  let left = 3;
  const broken = scripted(() => (left-- > 0 ? cutConnection() : status(7)));

  assert.equal(await missing.run(missing.client.getFileStatus('/a')), undefined);
  assert.equal(await missing.run(missing.client.listStatus('/a')), undefined);
  assert.deepEqual(await broken.run(broken.client.getFileStatus('/a')), {
    ...{ name: '', kind: 'file', bytes: 7, modifiedAtMs: 1, accessedAtMs: 2, owner: 'etl', group: 'g' },
    ...{ permission: '644', replication: 3, blockBytes: 128 },
  });
});

test('a listing goes on behind its last name until nothing remains', async () => {
  const all = ['a', 'b', 'c', 'd', 'e'];
  const entry = (pathSuffix: string) => ({ ...status().json.FileStatus, pathSuffix });
  const { client, seen, run } = scripted(({ query }) => {
    const rest = all.filter((name) => name > (query.startAfter ?? ''));
    const partialListing = { FileStatuses: { FileStatus: rest.slice(0, 2).map(entry) } };
    return { json: { DirectoryListing: { partialListing, remainingEntries: Math.max(0, rest.length - 2) } } };
  });
  const names = async (startAfter?: string) => {
    const found: string[] = [];
    const options = startAfter === undefined ? {} : { startAfter };
    for await (const { name } of client.listStatusBatch('/d', options)) found.push(name);
    return found;
  };

  assert.deepEqual(await run(names()), all);
  assert.equal(seen.length, 3);
  assert.deepEqual(await run(names('c')), ['d', 'e']);
});

test('a gateway that begins each page from the start is listed as a whole, and nothing shows twice', async () => {
  const entry = (pathSuffix: string) => ({ ...status().json.FileStatus, pathSuffix });
  const page = (names: string[]) => ({ FileStatuses: { FileStatus: names.map(entry) } });
  const { client, seen, run } = scripted(({ op }) => {
    if (op === 'LISTSTATUS') return { json: page(['a', 'b', 'c', '\uffff', '😀']) };
    return { json: { DirectoryListing: { partialListing: page(['a', 'b']), remainingEntries: 3 } } };
  });
  const names = async (startAfter?: string) => {
    const found: string[] = [];
    const options = startAfter === undefined ? {} : { startAfter };
    for await (const { name } of client.listStatusBatch('/d', options)) found.push(name);
    return found;
  };

  assert.deepEqual(await run(names()), ['a', 'b', 'c', '\uffff', '😀']);
  assert.deepEqual(await run(names('\uffff')), ['😀'], 'by bytes, not as JavaScript orders strings');
  assert.equal(seen.length, 5);
});

test('false is told from true', async () => {
  const { client, run } = scripted(() => ({ json: { boolean: false } }));

  assert.equal(await run(client.delete('/a')), false);
  assert.equal(await run(client.truncate('/a', 3)), false);
  await assert.rejects(run(client.mkdirs('/a')), { reason: 'refused' });
});

test('permission is asked for without an exception, other trouble is one', async () => {
  const denied = scripted(() => refusal(500, 'AccessControlException'));
  const missing = scripted(() => notFound);

  assert.equal(await denied.run(denied.client.checkAccess('/a', 'rw-')), false);
  assert.equal(denied.seen[0]?.query.fsaction, 'rw-');
  await assert.rejects(missing.run(missing.client.checkAccess('/a', 'r--')), { reason: 'notFound' });
});

test('names that cannot be in a list are refused', async () => {
  const { client, seen, run } = scripted(() => ({}));

  await assert.rejects(run(client.concat('/a', ['/b,c'])), { reason: 'badName' });
  await run(client.concat('/a', ['/b', '/c']));
  assert.equal(seen[0]?.query.sources, '/b,/c');
});

test('a call that is called off ends at once, with nothing sent after it', async () => {
  const { client, seen, run, virtual } = scripted(() => 'silence');
  const called = new AbortController();
  const call = client.getFileStatus('/a', { signal: called.signal });
  await virtual.until(() => seen.length === 1);
  called.abort();

  await assert.rejects(run(call), /called off/);
  assert.ok(virtual.nowMs < 1_000, `${virtual.nowMs} ms`);
  await assert.rejects(run(client.getFileStatus('/a', { signal: called.signal })));
  assert.equal(seen.length, 1);
});
