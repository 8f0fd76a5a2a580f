//! What litestream is told, and what is kept from it and from the log.

import { expect, test } from 'vitest'
import {
  environmentOf,
  maskOf,
  parseCredentials,
  placeOf,
  renderConfig,
} from '../../src/litestream/config.ts'

const database = '/var/lib/pbx/litestream/pbx.db'

test('each node has a place of its own', () => {
  const place = (url: string): string => placeOf({ url, node: 'node-2' })
  expect(place('s3://bucket/pbx')).toBe('s3://bucket/pbx/node-2')
  expect(place('s3://bucket')).toBe('s3://bucket/node-2')
  expect(place('s3://bucket/pbx/?endpoint=minio:9000')).toBe(
    's3://bucket/pbx/node-2?endpoint=minio:9000',
  )
  expect(place('file:///srv/replica/')).toBe('file:///srv/replica/node-2')
  expect(place('sftp://pbx@host:2222/srv')).toBe('sftp://pbx@host:2222/srv/node-2')
})

test('the configuration', () => {
  const plain = { database, url: 's3://bucket/pbx', node: 'node-1', credentials: {} }
  expect(renderConfig(plain)).toBe(
    [
      '# Made by pbx at each start.',
      'dbs:',
      '  - path: "/var/lib/pbx/litestream/pbx.db"',
      '    replicas:',
      '      - url: "s3://bucket/pbx/node-1"',
      '',
    ].join('\n'),
  )
  const credentials = { SFTP_KEY_PATH: '/etc/pbx/id "x"', SFTP_PASSWORD: 'a: b#c\n' }
  const sftp = renderConfig({ ...plain, url: 'sftp://pbx@host/srv', credentials })
  expect(sftp).toContain('        key-path: "/etc/pbx/id \\"x\\""\n')
  expect(sftp).toContain('        password: "a: b#c\\n"\n')
})

test('credentials are read line by line, and a bad line is named without what is in it', () => {
  const text = '# for the replica\nAWS_ACCESS_KEY_ID=AKIA1\n\nexport AWS_SECRET_ACCESS_KEY="s=1"\n'
  expect(parseCredentials(text)).toEqual({
    ok: true,
    value: { AWS_ACCESS_KEY_ID: 'AKIA1', AWS_SECRET_ACCESS_KEY: 's=1' },
  })
  for (const bad of ['LD_PRELOAD=/tmp/x.so', 'a secret', 'AWS_X secret']) {
    const parsed = parseCredentials(`AWS_A=1\n${bad}`)
    expect(parsed).toMatchObject({ ok: false, error: expect.stringContaining('line 2 must be') })
    expect(JSON.stringify(parsed)).not.toContain('secret')
  }
})

test("the child sees its own credentials and no other program's", () => {
  const ours = {
    PATH: '/bin',
    HOME: '/root',
    DATABASE_PASSWORD: 'x',
    AWS_REGION: 'eu',
    X: undefined,
  }
  expect(environmentOf(ours, { AWS_REGION: 'us', AWS_SECRET_ACCESS_KEY: 'k' })).toEqual({
    PATH: '/bin',
    HOME: '/root',
    AWS_REGION: 'us',
    AWS_SECRET_ACCESS_KEY: 'k',
  })
})

test('what it says is told without its credentials', () => {
  const mask = maskOf({ PATH: '/usr/bin', AWS_SECRET_ACCESS_KEY: 'hush-hush', AWS_A: 'hush' })
  expect(mask('signing with hush-hush and hush at /usr/bin')).toBe(
    'signing with [redacted] and [redacted] at /usr/bin',
  )
})
