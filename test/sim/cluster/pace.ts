//! How often things happen.

import { millis } from '../../../src/base/time.ts'
import type { World } from '../../harness/world.ts'

/** On average every `interval`, for so long. */
export function every(world: World, interval: number, during: number, run: () => void): void {
  const until = world.now + during
  const again = (): void => {
    if (world.now >= until) return
    run()
    world.in(millis(1 + world.random.below(2 * interval)), again)
  }
  world.in(millis(world.random.below(interval)), again)
}
