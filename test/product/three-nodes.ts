//! Three real nodes for the tests of a file, where a LAN can be made for them.

import { afterAll, beforeAll } from 'vitest'
import { Trio } from '../cluster/live/trio.ts'
import { canMakeLan } from '../harness/lan.ts'

/** Network namespaces take root; without it the tests are skipped. */
export const can = canMakeLan()

/** Up, and `began` done, before the first test; stopped after each `afterAll` that comes later. */
export function threeNodes(
  timeoutMs: number,
  began: (trio: Trio) => void | Promise<void>,
  vips?: string,
  options?: readonly string[],
): void {
  let trio: Trio | undefined
  beforeAll(async () => {
    if (!can) return
    trio = await Trio.start('default', vips, undefined, options)
    await began(trio)
  }, timeoutMs)
  afterAll(() => trio?.stop(), timeoutMs)
}
