import type { MediaId } from '../../src/control/media-control.ts'

/** Releasing this one kills the worker of `doomed-worker.ts`. */
export const DOOM = 'doom' as MediaId
/** Releasing this one has it hang. */
export const LIMBO = 'limbo' as MediaId
