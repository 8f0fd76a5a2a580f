import type { Millis } from './time.ts'

/**
 * A protocol as a value: synchronous, no clock, no socket, no timer, no randomness of its own.
 * Outputs are carried out in order, all of one step before the next input. After a wake,
 * `deadline()` is later than `now` or undefined; the host asserts it.
 */
export interface Machine<Input, Output> {
  step(input: Input, now: Millis): readonly Output[]
  deadline(): Millis | undefined
}
