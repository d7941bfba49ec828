import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { registry } from '../connectors/registry.ts';
import { type PipelineFile, parsePipelineFile } from '../core/config/parse.ts';
import { SluiceError } from '../core/errors.ts';

/** Reads and checks a pipeline file. Relative paths in it start at its own folder: cron starts programs in `/`. */
export async function loadPipelineFile(file: string): Promise<PipelineFile> {
  const path = resolve(file);
  const baseDir = dirname(path);
  return await parsePipelineFile(readText(file, path), {
    file,
    baseDir,
    env: process.env,
    readFile: (name) => readFileSync(resolve(baseDir, name), 'utf8'),
    registry,
  });
}

function readText(file: string, path: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(readFileSync(path));
  } catch (cause) {
    const code = String((cause as { code?: unknown }).code);
    const why = REASONS[code] ?? `cannot be read (${code})`;
    throw new SluiceError('config', 'CONFIG_FILE', {
      message: `${file}: ${why}`,
      ...(path === file ? {} : { help: `Looked for ${path}` }),
      details: { path },
      cause,
    });
  }
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  ENOTDIR: 'there is no such file',
  EISDIR: 'this is a folder; give the pipeline file in it',
  EACCES: 'no permission to read this file',
  ERR_ENCODING_INVALID_ENCODED_DATA: 'this is not a UTF-8 text file',
};
