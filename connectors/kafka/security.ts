import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import type tls from 'node:tls';
import { SluiceError } from '../../core/spi.ts';
import type { SaslCredentials } from './link.ts';
import type { KafkaSourceSettings } from './settings.ts';

const TOKEN_COMMAND_TIMEOUT_MS = 30_000;

/** TLS options for sockets, certificates read; undefined = no TLS. */
export async function tlsOptions(
  ssl: KafkaSourceSettings['ssl'],
  baseDir: string,
): Promise<tls.ConnectionOptions | undefined> {
  if (ssl === undefined || ssl === false) return undefined;
  if (ssl === true) return {};
  const options: tls.ConnectionOptions = { rejectUnauthorized: ssl.rejectUnauthorized };
  if (ssl.ca !== undefined) options.ca = await readPem(ssl.ca, 'ca', baseDir);
  if (ssl.cert !== undefined) options.cert = await readPem(ssl.cert, 'cert', baseDir);
  if (ssl.key !== undefined) options.key = await readPem(ssl.key, 'key', baseDir);
  if (ssl.passphrase !== undefined) options.passphrase = ssl.passphrase;
  if (ssl.servername !== undefined) options.servername = ssl.servername;
  return options;
}

async function readPem(textOrPath: string, key: string, baseDir: string): Promise<string> {
  if (textOrPath.includes('-----BEGIN ')) return textOrPath;
  const path = resolve(baseDir, textOrPath);
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (cause) {
    throw badPem(key, `cannot read ${path} (${(cause as NodeJS.ErrnoException).code})`, cause);
  }
  if (!text.includes('-----BEGIN ')) throw badPem(key, `${path} is not a PEM file`);
  return text;
}

function badPem(key: string, why: string, cause?: unknown): SluiceError {
  return new SluiceError('config', 'KAFKA_CERTIFICATE_FILE', {
    message: `source.ssl.${key}: ${why}`,
    help: 'Give PEM text or the path of a PEM file, relative to the configuration file.',
    cause,
  });
}

/** Credentials as the transport takes them. */
export function saslCredentials(sasl: KafkaSourceSettings['sasl'], baseDir: string): SaslCredentials | undefined {
  if (sasl === undefined) return undefined;
  if ('password' in sasl) return sasl;
  const token = 'token' in sasl ? sasl.token : () => runTokenCommand(sasl.tokenCommand, baseDir);
  return { mechanism: 'oauthbearer', oauthBearerProvider: async () => ({ value: await token() }) };
}

function runTokenCommand([program, ...args]: readonly string[], baseDir: string): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile(
      program as string,
      args,
      { cwd: baseDir, timeout: TOKEN_COMMAND_TIMEOUT_MS, maxBuffer: 1024 * 1024 },
      (error, stdout) => {
        const token = stdout.trim();
        if (error === null && token !== '') return resolve(token);
        // What it printed may hold a secret, so the message does not quote it.
        const why = error === null ? 'printed nothing' : `failed (${error.code ?? error.signal})`;
        // The command may need the network too, so a failure may pass.
        const kind = error?.code === 'ENOENT' || error?.code === 'EACCES' ? 'config' : 'unavailable';
        reject(
          new SluiceError(kind, 'KAFKA_TOKEN_COMMAND', {
            message: `source.sasl.tokenCommand: ${program} ${why}`,
            help: 'It must print a token and exit with 0. Try it by hand as the same user.',
          }),
        );
      },
    );
  });
}
