//! `npm run build`: the toolchain, then dist/pbx.

import { becomePinned, ensureToolchain } from './toolchain.mjs'

ensureToolchain()
becomePinned(['scripts/build.ts', ...process.argv.slice(2)])
