/** For connector authors: the contracts, and the few parts of the engine that connectors build on. */
export { assert, unreachable } from './assert.ts';
export { RecordFrame, SlabPool, type FrameParts } from './batch/frame.ts';
export { LinePacker, type LineLimits, type LineRange } from './batch/lines.ts';
export type * from './contract/batch.ts';
export type * from './contract/codec.ts';
export type * from './contract/connector.ts';
export type * from './contract/env.ts';
export type * from './contract/memory.ts';
export type * from './contract/sink.ts';
export type * from './contract/source.ts';
export type * from './contract/store.ts';
export { duration, size, secret } from './config/fields.ts';
export { SluiceError, toSluiceError, type ErrorKind } from './errors.ts';
