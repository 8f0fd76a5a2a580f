//! `npm test`: the toolchain, then every check there is. `npm test -- test/sip` runs some tests.

import { becomePinned, ensureToolchain } from './toolchain.mjs'

ensureToolchain()
becomePinned(['scripts/test.ts', ...process.argv.slice(2)])
