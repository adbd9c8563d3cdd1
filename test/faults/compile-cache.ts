import { flushCompileCache } from 'node:module'

/**
 * Loaded into processes that are killed: what Node compiled is kept a moment after the start, because it
 * would be kept at an orderly end only. The next start then needs a third of the processor time.
 */
const AFTER_MS = 1_000

setTimeout(flushCompileCache, AFTER_MS).unref()
