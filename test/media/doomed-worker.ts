//! The media worker, and a way to kill it from outside, or to have it hang.

import { parentPort } from 'node:worker_threads'
import '../../src/media/worker.ts'
import type { ToWorker } from '../../src/media/protocol.ts'
import { DOOM, LIMBO } from './doom.ts'

parentPort?.on('message', (batch: ToWorker | 'stop') => {
  if (batch === 'stop') return
  for (const { request } of batch) {
    if (request.method !== 'release') continue
    if (request.media.includes(DOOM))
      setImmediate(() => {
        throw new Error('the worker was killed by its test')
      })
    if (request.media.includes(LIMBO)) for (;;);
  }
})
