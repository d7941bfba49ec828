import { readFileSync } from 'node:fs';
import { registerHooks } from 'node:module';
import { fileURLToPath } from 'node:url';
import { type Edit, mutations } from './mutations.ts';

/**
 * Preloaded with `--import`: changes some places of the sources as they are loaded, so that the tests and the simulator run
 * against a program with a known fault. The files on disk are never touched.
 */
const name = process.env.SLUICE_MUTATION;
const mutation = mutations.find((candidate) => candidate.name === name);
if (mutation === undefined) throw new Error(`SLUICE_MUTATION=${name}: no such mutation`);
const editsByUrl = Map.groupBy(mutation.edits, ({ file }) => new URL(`../../${file}`, import.meta.url).href);

registerHooks({
  load(url, context, nextLoad) {
    const edits = editsByUrl.get(url);
    if (edits === undefined) return nextLoad(url, context);
    const source = edits.reduce(edited, readFileSync(fileURLToPath(url), 'utf8'));
    return { format: 'module-typescript', source, shortCircuit: true };
  },
});

function edited(source: string, { file, find, replace }: Edit): string {
  const pieces = source.split(find);
  if (pieces.length !== 2) throw new Error(`${name}: its place occurs ${pieces.length - 1} times in ${file}`);
  return pieces.join(replace);
}
