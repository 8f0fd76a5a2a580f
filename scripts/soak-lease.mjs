//! `npm run soak:lease`: the toolchain, then three nodes on a machine that is busy.

import { becomePinned, ensureToolchain } from './toolchain.mjs'

ensureToolchain()
becomePinned(['test/soak/lease/main.ts', ...process.argv.slice(2)])
