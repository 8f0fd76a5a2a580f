//! `npm run test:cluster`: the toolchain, then three nodes and everything that may befall them. In
//! a mount namespace of its own: the disks that it makes for them are gone with it.

import { becomePinned, ensureToolchain } from './toolchain.mjs'

ensureToolchain()
becomePinned(
  ['test/cluster/live/main.ts', ...process.argv.slice(2)],
  ['unshare', '--mount', '--propagation', 'private'],
)
