//! A process to be killed: restores an image, again and again.
//!     node restorer.ts DIRECTORY KEY-FILE IMAGE...
//! Says `.` before the first one, and after each. The images are restored in turn.

import { copyFileSync, readFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { ImageReader } from '../../src/store/image/client.ts'
import { openStore } from '../../src/store/open.ts'
import { restoreImage } from '../../src/store/restore.ts'
import { realHost } from './host.ts'

const [directory = '', keyFile = '', ...images] = process.argv.slice(2)
const store = await openStore({
  host: realHost(),
  directory,
  onFault(fault) {
    throw fault
  },
})
for (let n = 0; ; n++) {
  writeSync(1, '.')
  const file = join(directory, 'incoming.db')
  copyFileSync(images[n % images.length] ?? '', file)
  const place = { file, directory, addon: undefined }
  const opened = await ImageReader.open(place, readFileSync(keyFile), undefined)
  if (!opened.ok) throw new Error(opened.error)
  const options = { name: `${process.pid} ${n}`, onProgress: () => {}, pause: () => sleep(1) }
  const restored = await restoreImage(store, opened.value, options)
  if (!restored.ok) throw new Error(JSON.stringify(restored.error))
  await opened.value.close()
}
