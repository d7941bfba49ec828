export { Audit, type AuditOptions, auditOutput } from './audit.ts';
export { Delivery, Ledger, type Outcome, type Run } from './ledger.ts';
export { type OnLine, readLines } from './lines.ts';
export { listVisible, type OutputRoot } from './listing.ts';
export { FileGone, type FileState, type OutputListing, type VisibleFile } from './output.ts';
export { type KafkaClient, LedgerProducer, type LedgerProducerOptions, type OpenTransaction } from './producer.ts';
export { encodeRecord, type NumberedRecord, RecordReader } from './record.ts';
export { assertExact, faultsOf, formatVerdict, isExact, type Verdict } from './verdict.ts';
export { OutputWatcher, type WatchReport } from './watcher.ts';
