import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SinkRun } from '../../../testing/conformance/sink-run.ts';
import { BUCKET, newModel, type SinkInput, sinkOn } from './support/scene.ts';

const CASES: readonly [files: SinkInput, extension: string, contentType: string][] = [
  [{}, 'ndjson', 'application/x-ndjson'],
  [{ compression: 'gzip' }, 'ndjson.gz', 'application/gzip'],
  [{ format: 'raw', compression: 'zstd' }, 'raw.zst', 'application/zstd'],
  [{ format: 'csv', columns: ['a', 'b'] }, 'csv', 'text/csv'],
  [{ format: 'avro', columns: ['a'] }, 'avro', 'application/vnd.apache.avro'],
  [{ format: 'parquet', columns: ['a'] }, 'parquet', 'application/vnd.apache.parquet'],
];

for (const [files, extension, contentType] of CASES) {
  test(`an object that ends in .${extension} is said to be ${contentType}, and nothing is to be unpacked on the way`, async () => {
    const model = newModel();
    await using run = await SinkRun.start(sinkOn(model, files));
    await run.write({ split: 't/0', values: ['{"a":1}'] });
    await run.cut();

    const [upload] = model.uploads(BUCKET);

    assert.match(upload?.key ?? '', new RegExp(`\\d\\.${extension}$`));
    assert.equal(upload?.kept['content-type'], contentType);
    assert.equal(upload?.kept['content-encoding'], undefined);
  });
}
