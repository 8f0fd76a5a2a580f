//! What `/metrics` says, and what is left of it.

import { setImmediate as turn } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect, test } from 'vitest'
import { Metrics } from '../../src/observe/metrics.ts'

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

test('its own and those of the process, with the name of the node', async () => {
  const metrics = new Metrics('pbx-1')
  metrics.counter('calls', 'calls begun')(undefined, 3)
  const text = await metrics.text()
  expect(text).toMatch(/^pbx_calls\{node="pbx-1"\} 3$/m)
  expect(text).toMatch(/^pbx_process_resident_memory_bytes\{node="pbx-1"\} \d+$/m)
  const other = await new Metrics('pbx-2').text()
  expect(other).toMatch(/^pbx_process_resident_memory_bytes\{node="pbx-2"\} \d+$/m)
  expect(other).not.toContain('pbx_calls')
})

test('nobody keeps what they measured once they are not needed any more', async () => {
  const measured = measuredBy(new Metrics('pbx-1'))
  await turn()
  collect()
  expect(measured.deref()).toBeUndefined()
})

function measuredBy(metrics: Metrics): WeakRef<object> {
  const calls = { count: 0 }
  metrics.gauge('calls', 'calls that are up', () => calls.count)
  return new WeakRef(calls)
}
