//! Lets virtual time pass where promises are in play: after each event whatever waits for it runs.

import { setImmediate as turn } from 'node:timers/promises'
import { after, millis, type Millis } from '../../src/base/time.ts'
import type { World } from './world.ts'

export async function pass(world: World, delay: Millis, enough?: () => boolean): Promise<void> {
  const until = after(world.now, delay)
  while (world.now < until && enough?.() !== true) {
    let events = 0
    world.pass(millis(until - world.now), () => events++ > 0)
    await turn()
  }
}
