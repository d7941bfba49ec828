import assert from 'node:assert/strict';
import {
  call,
  describe,
  type FileStatus,
  type HdfsCase,
  jsonOf,
  mkdirs,
  namesIn,
  put,
  refused,
  status,
} from './lab.ts';

interface Page {
  readonly names: string[];
  readonly remaining: number;
}

/** LISTSTATUS, LISTSTATUS_BATCH and GETCONTENTSUMMARY. */
export const listingCases: readonly HdfsCase[] = [
  {
    name: 'LISTSTATUS gives the children of a directory and no grandchildren, in the order of bytes with a sign: ASCII last',
    async run(lab) {
      for (const name of ['b', 'a', 'B', 'é', 'a.b', 'd/below']) await put(lab, name, name);

      assert.deepEqual(await namesIn(lab, ''), ['é', 'B', 'a', 'a.b', 'b', 'd']);
    },
  },
  {
    name: 'LISTSTATUS gives of each child what GETFILESTATUS says of it',
    async run(lab) {
      await put(lab, 'f', 'hello');
      await mkdirs(lab, 'g');

      const answer = await call(lab, 'LISTSTATUS', '');

      const { FileStatuses } = jsonOf(answer) as { FileStatuses: { FileStatus: FileStatus[] } };
      const [f, g] = [await status(lab, 'f'), await status(lab, 'g')];
      assert.deepEqual(FileStatuses.FileStatus, [
        { ...f, pathSuffix: 'f' },
        { ...g, pathSuffix: 'g' },
      ]);
    },
  },
  {
    name: 'LISTSTATUS of a file gives that file, without a name',
    async run(lab) {
      await put(lab, 'f', 'hello');

      assert.deepEqual(await namesIn(lab, 'f'), ['']);
    },
  },
  {
    name: 'what is not there is not listed',
    async run(lab) {
      refused(lab, await call(lab, 'LISTSTATUS', 'none'), 404, 'FileNotFoundException');
      refused(lab, await call(lab, 'LISTSTATUS_BATCH', 'none'), 404, 'FileNotFoundException');
      refused(lab, await call(lab, 'GETCONTENTSUMMARY', 'none'), 404, 'FileNotFoundException');
    },
  },
  {
    name: 'LISTSTATUS_BATCH gives a directory page by page, each behind a name',
    async run(lab) {
      const names = Array.from({ length: 230 }, (_, i) => `d${String(i).padStart(3, '0')}`);
      for (const name of names) await mkdirs(lab, name);

      const pages: Page[] = [];
      let startAfter: string | undefined;
      do {
        pages.push(await pageOf(lab, startAfter));
        startAfter = pages.at(-1)?.names.at(-1);
      } while ((pages.at(-1)?.remaining ?? 0) > 0);

      assert.deepEqual(
        pages.flatMap((page) => page.names),
        names,
      );
      assert.deepEqual(
        pages.map(({ remaining }) => remaining),
        [130, 30, 0],
      );
    },
  },
  {
    name: 'LISTSTATUS_BATCH goes on behind a name that is not there, and ends behind the last',
    async run(lab) {
      for (const name of ['a', 'b', 'c']) await put(lab, name, 'x');

      assert.deepEqual(await pageOf(lab, 'aa'), { names: ['b', 'c'], remaining: 0 });
      assert.deepEqual(await pageOf(lab, 'c'), { names: [], remaining: 0 });
    },
  },
  {
    name: 'GETCONTENTSUMMARY counts directories, files and bytes, and says what the quotas are',
    async run(lab) {
      await put(lab, 'd/f', 'hello');
      await put(lab, 'g', 'x');

      const { ContentSummary } = jsonOf(await call(lab, 'GETCONTENTSUMMARY', '')) as {
        ContentSummary: Record<string, unknown>;
      };

      const { directoryCount, fileCount, length, quota, spaceQuota } = ContentSummary;
      assert.deepEqual([directoryCount, fileCount, length], [2, 2, 6]);
      assert.deepEqual([quota, spaceQuota], [-1, -1]);
    },
  },
];

async function pageOf(lab: Parameters<HdfsCase['run']>[0], startAfter: string | undefined): Promise<Page> {
  const answer = await call(lab, 'LISTSTATUS_BATCH', '', startAfter === undefined ? {} : { startAfter });
  assert.equal(answer.status, 200, describe(answer));
  const { DirectoryListing } = jsonOf(answer) as {
    DirectoryListing: {
      partialListing: { FileStatuses: { FileStatus: FileStatus[] } };
      remainingEntries: number;
    };
  };
  return {
    names: DirectoryListing.partialListing.FileStatuses.FileStatus.map(({ pathSuffix }) => pathSuffix),
    remaining: DirectoryListing.remainingEntries,
  };
}
