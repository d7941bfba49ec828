import assert from 'node:assert/strict';
import { API } from '../http.ts';
import { at, call, type HdfsCase, locate, namesIn, put, refused, rename, says, status, textOf } from './lab.ts';

const ODD_NAMES = [
  'a b',
  '100%',
  '%25',
  '%2F',
  'a+b',
  '?',
  '#',
  'x\\y',
  '"',
  "'",
  ';&=',
  'tab\t',
  'é',
  '😀',
  '...',
  '*[a]{b}',
];

/** What may be in a path, and how it gets there. */
export const pathCases: readonly HdfsCase[] = [
  ...ODD_NAMES.map((name) => ({
    name: `a file may have ${JSON.stringify(name)} in its name: written, renamed, read, listed and deleted`,
    async run(lab: Parameters<HdfsCase['run']>[0]) {
      const [from, to] = [`${name}-from`, `d/${name}`];
      await put(lab, from, 'x');
      says(await call(lab, 'MKDIRS', 'd'), true);

      says(await rename(lab, from, to), true);

      assert.equal(await textOf(lab, to), 'x');
      assert.deepEqual(await namesIn(lab, 'd'), [name]);
      says(await call(lab, 'DELETE', to), true);
    },
  })),
  {
    name: 'a plus in a path is a plus, and in a parameter a space',
    async run(lab) {
      await put(lab, 'f', 'x');
      const destination = `destination=${at(lab, 'a+b').replaceAll('/', '%2F')}`;

      const url = `${lab.url}${API}${at(lab, 'f')}?op=RENAME&user.name=${lab.user}&${destination}`;
      says(await lab.wire.send({ method: 'PUT', url, headers: {} }), true);

      assert.deepEqual(await namesIn(lab, ''), ['a b']);
    },
  },
  {
    name: 'a colon in a name is refused, and nothing is found under one',
    async run(lab) {
      await put(lab, 'f', 'x');

      for (const request of [
        call(lab, 'CREATE', '12:00', { noredirect: true }),
        call(lab, 'MKDIRS', '12:00/d'),
        rename(lab, 'f', '12:00'),
      ])
        refused(lab, await request, 400, 'InvalidPathException');
      assert.equal(await status(lab, '12:00'), undefined);
    },
  },
  {
    name: 'dots that lead elsewhere are refused in a path, and followed in the target of a RENAME',
    async run(lab) {
      refused(lab, await call(lab, 'MKDIRS', 'a/../b'), 400, 'InvalidPathException');
      refused(lab, await call(lab, 'MKDIRS', './a'), 400, 'InvalidPathException');
      await put(lab, 'f', 'x');

      says(await rename(lab, 'f', 'none/../g'), true);

      assert.deepEqual(await namesIn(lab, ''), ['g']);
    },
  },
  {
    name: 'slashes at the end or twice in a row count for nothing',
    async run(lab) {
      await put(lab, 'd/f', 'x');

      assert.equal((await status(lab, 'd//f'))?.type, 'FILE');
      assert.equal((await status(lab, 'd/'))?.type, 'DIRECTORY');
    },
  },
  {
    name: 'the place where the bytes go names the path as it was asked for',
    async run(lab) {
      const url = new URL(await locate(lab, 'CREATE', 'a b+%', { overwrite: false }));

      assert.equal(decodeURIComponent(url.pathname), `${API}${at(lab, 'a b+%')}`);
    },
  },
  {
    name: 'the place where the bytes go has letters of other alphabets as they are in JSON, and encoded in the header of a 307',
    async run(lab) {
      assert.ok((await locate(lab, 'CREATE', 'é😀', { overwrite: false })).includes('/é😀?'));

      const { headers } = await call(lab, 'CREATE', 'é😀', { overwrite: false });
      assert.ok(headers.location?.includes('/%C3%A9%F0%9F%98%80?'));
    },
  },
  {
    name: 'a name of 255 bytes will do, and a longer one is refused',
    async run(lab) {
      says(await call(lab, 'MKDIRS', 'n'.repeat(255)), true);

      refused(lab, await call(lab, 'MKDIRS', 'n'.repeat(256)), 403, 'PathComponentTooLongException');
    },
  },
];
