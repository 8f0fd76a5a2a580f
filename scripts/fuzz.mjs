//! `npm run fuzz`: the toolchain, then ten million strange messages against the running product.

import { becomePinned, ensureToolchain } from './toolchain.mjs'

ensureToolchain()
becomePinned(['test/endurance/fuzz.ts', ...process.argv.slice(2)])
