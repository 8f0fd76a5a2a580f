//! `npm run bench:failover`: the toolchain, then three nodes and their faults.

import { becomePinned, ensureToolchain } from './toolchain.mjs'

ensureToolchain()
becomePinned(['test/bench/failover/main.ts', ...process.argv.slice(2)])
