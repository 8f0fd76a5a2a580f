//! `npm start -- …`: the toolchain, then the product from source. Options are those of `pbx`.

import { becomePinned, ensureToolchain } from './toolchain.mjs'

ensureToolchain()
becomePinned(['src/main.ts', ...process.argv.slice(2)])
