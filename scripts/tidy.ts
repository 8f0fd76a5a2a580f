//! Holds the tree to the house rules: `node scripts/tidy.ts [path prefix …]`. Part of `npm test`.

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path/posix'
import { check } from './tidy/check.ts'
import { ROOMS } from './tidy/rooms.ts'

/** A walk that reads nothing passes everything: below these counts something is broken. */
const MODULES_MIN = 10
const IMPORTS_MIN = 5

process.chdir(join(import.meta.dirname, '..'))
const only = process.argv.slice(2)
const problems: string[] = []
let modules = 0
let imports = 0

for (const path of ['src', 'roles', 'test', 'scripts'].flatMap((top) => [...files(top)])) {
  const checked = check(path, readFileSync(path, 'utf8'))
  modules++
  imports += checked.imports
  if (only.length > 0 && !only.some((prefix) => path.startsWith(prefix))) continue
  for (const { line, message } of checked.problems) problems.push(`${path}:${line}: ${message}`)
}
if (modules < MODULES_MIN) problems.push(`tidy saw ${modules} modules, at least ${MODULES_MIN}`)
if (imports < IMPORTS_MIN) problems.push(`tidy saw ${imports} imports, at least ${IMPORTS_MIN}`)
for (const problem of problems) console.error(problem)
const rooms = Object.keys(ROOMS).length
console.log(
  `tidy: ${modules} modules, ${imports} imports, ${rooms} rooms, ${problems.length} problems`,
)
process.exitCode = problems.length === 0 ? 0 : 1

function* files(directory: string): Generator<string> {
  const entries = readdirSync(directory, { withFileTypes: true })
  for (const entry of entries.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
    const path = join(directory, entry.name)
    if (entry.isDirectory()) yield* files(path)
    else if (/\.(ts|mjs)$/.test(entry.name)) yield path
  }
}
