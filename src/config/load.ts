//! Reads the config file and joins it with the command line.

import { readFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { resolve } from 'node:path'
import { parse, TomlError } from 'smol-toml'
import { err, ok, type Result } from '../base/result.ts'
import { type Config, decodeConfig, type Origin } from './config.ts'

/**
 * `argv`: options by name, as typed; `file`: the value of `--config`. The error is one line per
 * fault. Paths come back absolute.
 */
export function loadConfig(
  argv: Readonly<Record<string, unknown>>,
  file: string | undefined,
): Result<Config, readonly string[]> {
  const origins: Origin[] = [{ prefix: '--', values: argv }]
  if (file !== undefined) {
    const read = readToml(file)
    if (!read.ok) return err([read.error])
    origins.push({ prefix: `${file}: `, values: read.value })
  }
  const decoded = decodeConfig(origins, hostName())
  if (!decoded.ok) return decoded
  return ok(Object.freeze({ ...decoded.value, data: resolve(decoded.value.data) }))
}

function readToml(file: string): Result<Readonly<Record<string, unknown>>, string> {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (error) {
    return err(`--config "${file}" cannot be read: ${messageOf(error)}`)
  }
  try {
    return ok(parse(text))
  } catch (error) {
    if (!(error instanceof TomlError)) throw error
    const [reason = ''] = error.message.split('\n')
    return err(`${file}: line ${error.line}: ${reason.replace(/^Invalid TOML document: /, '')}`)
  }
}

/** The first label, made fit for a server's name. */
function hostName(): string {
  return (hostname().split('.')[0] ?? '').replace(/[^A-Za-z0-9-]|^-+|-+$/g, '') || 'pbx'
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
