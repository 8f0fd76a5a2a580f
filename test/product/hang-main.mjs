// Loaded into a node before its own program: while the file that `PBX_HANG` names exists, the main
// thread does nothing at all, and the others go on. An endless loop, or a disk that hangs.
import { existsSync } from 'node:fs'
import { isMainThread } from 'node:worker_threads'

const EVERY_MS = 50
const cell = new Int32Array(new SharedArrayBuffer(4))
const isToHang = () => existsSync(process.env.PBX_HANG ?? '')
if (isMainThread)
  setInterval(() => {
    while (isToHang()) Atomics.wait(cell, 0, 0, EVERY_MS)
  }, EVERY_MS).unref()
