import { World } from '../harness/world.ts'
import { openMedia } from '../media/media-world.ts'
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
