import { World } from '../harness/world.ts'
import { openMedia } from '../media/media-world.ts'
import { lead, mediaOffice } from '../roles/media/media-office.ts'
import { simMedia } from '../media/sim-media.ts'
import { mediaControlContract } from './media-control.ts'

mediaControlContract('in a worker', async () => {
  const { control, close } = await openMedia()
  return { media: control, close }
})

mediaControlContract('in a worker, plain sockets', async () => {
  const { control, close } = await openMedia({ native: false })
  return { media: control, close }
})

mediaControlContract('simulated', async () => {
  const { control } = await simMedia(new World(1))
  return { media: control, close: () => Promise.resolve() }
})

mediaControlContract('on two servers', async () => {
  const { office } = await mediaOffice(new World(1), 2)
  const { media } = await lead(office, 'node-1')
  return { media, close: () => Promise.resolve() }
})

mediaControlContract('of a leader without servers', async () => {
  const { office } = await mediaOffice(new World(1), 0)
  const { media } = await lead(office, 'node-1')
  return { media, close: () => Promise.resolve() }
})
