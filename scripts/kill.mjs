//! `npm run kill`: the toolchain, then the product killed under load, again and again.

import { becomePinned, ensureToolchain } from './toolchain.mjs'

ensureToolchain()
becomePinned(['test/endurance/kill.ts', ...process.argv.slice(2)])
