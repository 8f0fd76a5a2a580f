//! Golden scripts over the whole engine; see `script-world.ts` for the commands.

import { beforeAll } from 'vitest'
import { walk } from '../harness/datadriven.ts'
import { ScriptWorld } from './script-world.ts'

const DIRECTORY = new URL('testdata', import.meta.url).pathname
const worlds: ScriptWorld[] = []

/** Engines open their ports asynchronously; each script gets one that is ready. */
beforeAll(async () => {
  for (let count = 0; count < 40; count++) {
    const world = new ScriptWorld()
    await world.engine.start()
    worlds.push(world)
  }
})

walk(DIRECTORY, () => {
  const world = worlds.pop()
  if (world === undefined) throw new Error('more scripts than worlds: raise the number above')
  return (command) => world.run(command)
})
