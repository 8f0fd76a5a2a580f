//! kill -9 at any moment of a restore: there is the old state or the new one, never parts of both.

import { spawn, type ChildProcess } from 'node:child_process'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { seededRandom } from '../../src/base/random.ts'
import { makeImage } from '../../src/store/image/client.ts'
import { isRestoring } from '../../src/store/schema/restore.ts'
import { acme, extension, put } from './commands.ts'
import { newHome, newStore } from './home.ts'

const ROUNDS = 6
/** On a busy machine none of the first may be hit in the midst of it. */
const ROUNDS_MAX = 30
const EXTENSIONS = 3_000
const PATIENCE_MS = 180_000
const restorer = new URL('./restorer.ts', import.meta.url).pathname
const children = new Set<ChildProcess>()
afterAll(() => {
  for (const child of children) child.kill('SIGKILL')
})

/** Two images of one home: the second has other settings, and other extensions. */
async function twoImages(home: string): Promise<readonly string[]> {
  const images: string[] = []
  for (const which of ['a', 'b']) {
    const store = await newStore(home)
    await store.propose(acme)
    await store.propose(put('which', which))
    const users = Array.from({ length: EXTENSIONS }, (_, place) => `${which}${place}`)
    await Promise.all(users.map((user) => store.propose(extension(user))))
    for (const user of which === 'b' ? users.map((each) => `a${each.slice(1)}`) : [])
      await store.propose({ kind: 'extension.remove', tenant: 'acme' as never, user })
    await store.close()
    const file = join(newHome(), 'image.db')
    await makeImage({ file, directory: home, addon: undefined }, undefined)
    images.push(file)
  }
  return images
}

/** `ms` after it has begun with its restore number `place`. */
function runAndKill(args: readonly string[], place: number, ms: number): Promise<void> {
  const child = spawn(process.execPath, [restorer, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  children.add(child)
  let begun = 0
  child.stdout.on('data', (dots: Buffer) => {
    begun += dots.length
    if (begun > place) setTimeout(() => child.kill('SIGKILL'), ms)
  })
  return new Promise((resolve) => {
    child.on('close', () => {
      children.delete(child)
      resolve()
    })
  })
}

test(
  'one state after each kill',
  async () => {
    const source = newHome()
    const images = await twoImages(source)
    const home = newHome()
    const random = seededRandom(20_261_121)
    const seen: string[] = []
    let brokenOff = 0
    for (let round = 0; round < ROUNDS || (brokenOff === 0 && round < ROUNDS_MAX); round++) {
      await runAndKill([home, join(source, 'secret.key'), ...images], round % 3, random.below(400))
      const store = await newStore(home)
      const states = store.read((db) =>
        db.all('SELECT substr(user, 1, 1) AS which, count(*) AS n FROM extensions GROUP BY 1'),
      )
      const setting = store.read((db) => db.get("SELECT value FROM settings WHERE name = 'which'"))
      if (setting === undefined) expect(states).toEqual([])
      else expect(states).toEqual([{ which: setting['value'], n: EXTENSIONS }])
      seen.push(String(setting?.['value'] ?? 'none'))
      if (store.read(isRestoring)) brokenOff++
      await store.close()
    }
    // Else nothing was shown.
    expect(new Set(seen).size, seen.join(' ')).toBeGreaterThan(1)
    expect(brokenOff).toBeGreaterThan(0)
  },
  PATIENCE_MS,
)
