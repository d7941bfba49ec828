import type { Api } from './api.ts';
import { WireWriter } from './wire.ts';

export interface VersionRange {
  min: number;
  max: number;
}

export interface ApiVersionsResponse {
  errorCode: number;
  ranges: Map<number, VersionRange>;
}

/** v3 has a flexible request and, as the only one, an old response header. A broker that does not know it answers in v0. */
export const apiVersionsApi: Api<{ clientVersion: string }, ApiVersionsResponse> = {
  name: 'ApiVersions',
  key: 18,
  version: 3,
  flexible: true,
  encode: ({ clientVersion }) => new WireWriter().compactString('sluice').compactString(clientVersion).noTags().done(),
  decode(reader) {
    const errorCode = reader.i16();
    const ranges = new Map<number, VersionRange>();
    const range = () => {
      ranges.set(reader.i16(), { min: reader.i16(), max: reader.i16() });
    };
    if (errorCode !== 0) {
      reader.array(range);
      return { errorCode, ranges };
    }
    reader.compactArray(() => {
      range();
      reader.skipTags();
    });
    return { errorCode, ranges };
  },
};

/** The way to ask a broker that does not know v3. */
export const apiVersionsApiV0: Api<{ clientVersion: string }, ApiVersionsResponse> = {
  name: 'ApiVersions',
  key: 18,
  version: 0,
  flexible: false,
  encode: () => Buffer.alloc(0),
  decode(reader) {
    const errorCode = reader.i16();
    const ranges = new Map<number, VersionRange>();
    reader.array(() => ranges.set(reader.i16(), { min: reader.i16(), max: reader.i16() }));
    return { errorCode, ranges };
  },
};
