//! `npm run sim`: the toolchain, then simulated groups, as many as asked for.

import { becomePinned, ensureToolchain } from './toolchain.mjs'

ensureToolchain()
becomePinned(['test/sim/main.ts', ...process.argv.slice(2)])
