import type { Brand } from './brand.ts'

/** Monotonic milliseconds. Only a host (never a state machine) may read the real clock. */
export type Millis = Brand<number, 'Millis'>

/** Wall-clock milliseconds since the Unix epoch, for what people and other programs read. */
export type WallTime = Brand<number, 'WallTime'>

export const millis = (value: number): Millis => value as Millis
export const wallTime = (value: number): WallTime => value as WallTime
export const seconds = (value: number): Millis => (value * 1000) as Millis

export const after = (now: Millis, delay: Millis): Millis => (now + delay) as Millis
