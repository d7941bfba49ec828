/** For connector authors: the contracts, and the few parts of the engine that connectors build on. */
export { assert, unreachable } from './assert.ts';
export { GrowingColumns } from './batch/columns.ts';
export { type FrameParts, RecordFrame, SlabPool } from './batch/frame.ts';
export { NEWLINE, NULL_LINE, nullValue, rewriteNewlines } from './batch/line-values.ts';
export { type LineFormat, type LineLimits, LinePacker, type LineRange } from './batch/lines.ts';
export { CERTIFICATE_CODES } from './certificate-codes.ts';
export { duration, secret, size } from './config/fields.ts';
export type * from './contract/batch.ts';
export type * from './contract/codec.ts';
export type * from './contract/connector.ts';
export type * from './contract/diagnosis.ts';
export type * from './contract/env.ts';
export type * from './contract/memory.ts';
export type * from './contract/sink.ts';
export type * from './contract/source.ts';
export type * from './contract/store.ts';
export { type ErrorKind, SluiceError, toSluiceError } from './errors.ts';
export { systemEnv } from './runtime/system-env.ts';
