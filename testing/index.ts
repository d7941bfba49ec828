/** What authors of connectors test with: see also `sluice/spi`. */
export * from './ledger/index.ts';
