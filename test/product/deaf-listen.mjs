// Loaded into a node before its own program: while the file that `PBX_DEAF` names exists, no port
// of the main thread is ever opened, and nobody is told so. A kernel, or a disk, that hangs.
import { existsSync } from 'node:fs'
import { Server } from 'node:net'
import { isMainThread } from 'node:worker_threads'

const { listen } = Server.prototype
if (isMainThread)
  Server.prototype.listen = function (...args) {
    return existsSync(process.env.PBX_DEAF ?? '') ? this : listen.apply(this, args)
  }
