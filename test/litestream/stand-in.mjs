//! Stands in for litestream where only its being supervised is tried. What it was given goes to
//! STAND_IN/given-N; LITESTREAM_STAND_IN says where, LITESTREAM_MODE what it does:
//! `run` until it is told to end, `deaf` when it is told to, `crash` at once.

import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const { LITESTREAM_STAND_IN: directory = '', LITESTREAM_MODE: mode = 'run' } = process.env
const number = readdirSync(directory).filter((name) => name.startsWith('given-')).length
const args = process.argv.slice(2)
const config = readFileSync(args[args.indexOf('-config') + 1] ?? '', 'utf8')
const given = { pid: process.pid, args, config, env: process.env }
process.on('SIGTERM', () => {
  if (mode === 'deaf') return
  writeFileSync(join(directory, 'ended'), '')
  process.exit(0)
})
console.log(`level=INFO msg="started with ${process.env.AWS_SECRET_ACCESS_KEY}"`)
console.error('level=ERROR msg="cannot sync"')
writeFileSync(join(directory, `given-${number}`), JSON.stringify(given))
if (mode === 'crash') process.exit(3)
setInterval(() => {}, 1_000)
