import { readFileSync } from 'node:fs';
import { registerHooks } from 'node:module';
import { fileURLToPath } from 'node:url';
import { mutations } from './mutations.ts';

/**
 * Preloaded with `--import`: changes one place of one source file as it is loaded, so that the tests run against a program with
 * a known fault. The file on disk is never touched.
 */
const name = process.env.SLUICE_MUTATION;
const mutation = mutations.find((candidate) => candidate.name === name);
if (mutation === undefined) throw new Error(`SLUICE_MUTATION=${name}: no such mutation`);
const target = new URL(`../../${mutation.file}`, import.meta.url).href;

registerHooks({
  load(url, context, nextLoad) {
    if (url !== target) return nextLoad(url, context);
    const source = readFileSync(fileURLToPath(url), 'utf8');
    const pieces = source.split(mutation.find);
    if (pieces.length !== 2)
      throw new Error(`${name}: its place occurs ${pieces.length - 1} times in ${mutation.file}`);
    return { format: 'module-typescript', source: pieces.join(mutation.replace), shortCircuit: true };
  },
});
