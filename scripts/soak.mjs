//! `npm run soak`: the toolchain, then an hour of calls and registrations against the product.

import { becomePinned, ensureToolchain } from './toolchain.mjs'

ensureToolchain()
becomePinned(['test/soak/main.ts', ...process.argv.slice(2)])
