//! `npm run bench:commit`: the toolchain, then commits on one node and on three.

import { becomePinned, ensureToolchain } from './toolchain.mjs'

ensureToolchain()
becomePinned(['test/bench/commit/main.ts', ...process.argv.slice(2)])
