import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { saslCredentials, tlsOptions } from '../../../connectors/kafka/security.ts';
import type { SluiceError } from '../../../core/spi.ts';

const PEM = '-----BEGIN CERTIFICATE-----\nabc\n-----END CERTIFICATE-----\n';

function folder(t: TestContext): string {
  const dir = mkdtempSync(join(tmpdir(), 'sluice-security-'));
  t.after(() => rmSync(dir, { recursive: true }));
  return dir;
}

test('no TLS unless asked for', async () => {
  assert.equal(await tlsOptions(undefined, '/'), undefined);
  assert.equal(await tlsOptions(false, '/'), undefined);
  assert.deepEqual(await tlsOptions(true, '/'), {});
});

test('certificates are PEM text, or files beside the configuration', async (t) => {
  const dir = folder(t);
  writeFileSync(join(dir, 'ca.pem'), PEM);
  const options = await tlsOptions(
    { ca: './ca.pem', cert: PEM, key: PEM, servername: 'kafka', rejectUnauthorized: true },
    dir,
  );
  assert.deepEqual(options, { ca: PEM, cert: PEM, key: PEM, servername: 'kafka', rejectUnauthorized: true });
});

test('a certificate file that is missing or something else is named', async (t) => {
  const dir = folder(t);
  writeFileSync(join(dir, 'key.der'), 'binary');
  for (const [ssl, what] of [
    [{ ca: 'no.pem', rejectUnauthorized: true }, /source\.ssl\.ca: cannot read .*no\.pem \(ENOENT\)/],
    [{ key: 'key.der', rejectUnauthorized: true }, /source\.ssl\.key: .*key\.der is not a PEM file/],
  ] as const) {
    await assert.rejects(
      tlsOptions(ssl, dir),
      (error: SluiceError) => error.kind === 'config' && what.test(error.message),
    );
  }
});

async function tokenOf(tokenCommand: string[], baseDir: string): Promise<string> {
  const credentials = saslCredentials({ mechanism: 'oauthbearer', tokenCommand }, baseDir);
  assert.ok(credentials?.mechanism === 'oauthbearer');
  return (await credentials.oauthBearerProvider()).value;
}

test('a token command runs in the folder of the configuration and gives what it prints', async (t) => {
  const dir = folder(t);
  writeFileSync(join(dir, 'token'), '  abc.def\n');
  assert.equal(await tokenOf(['cat', 'token'], dir), 'abc.def');
});

test('a token function of code gives the token', async () => {
  const credentials = saslCredentials({ mechanism: 'oauthbearer', token: async () => 'xyz' }, '/');
  assert.ok(credentials?.mechanism === 'oauthbearer');
  assert.deepEqual(await credentials.oauthBearerProvider(), { value: 'xyz' });
});

test('a token command that fails says which, and not what it printed', async () => {
  for (const [command, kind] of [
    [['no-such-program'], 'config'],
    [['sh', '-c', 'echo top-secret; exit 3'], 'unavailable'],
    [['true'], 'unavailable'],
  ] as const) {
    await assert.rejects(tokenOf([...command], '/'), (error: SluiceError) => {
      assert.equal(error.kind, kind);
      assert.ok(error.message.includes(command[0]) && !error.message.includes('top-secret'));
      return true;
    });
  }
});
