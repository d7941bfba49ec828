/** What authors of connectors test with: see also `sluice/spi`. */
export type { ConformanceCase } from './conformance/case.ts';
export { type SinkHarness, sinkConformance } from './conformance/sink.ts';
export { type SourceHarness, sourceConformance } from './conformance/source.ts';
export { type StoreHarness, storeConformance } from './conformance/store.ts';
export { type BatchSpec, frameOf, type TestFrame } from './frames.ts';
export * from './ledger/index.ts';
export { fileSystemError, MemoryDisk, type MemoryDiskOptions } from './memory-disk.ts';
export { type FileSystemCall, type FileSystemHooks, MemoryFileSystem } from './memory-file-system.ts';
export { MemoryStore, type MemoryStoreOptions, type StoreCall, type StoreHooks } from './memory-store.ts';
