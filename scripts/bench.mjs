//! `npm run bench`: the toolchain, then the rooms' and the product's figures.

import { becomePinned, ensureToolchain } from './toolchain.mjs'

ensureToolchain()
becomePinned(['test/bench/main.ts', ...process.argv.slice(2)])
