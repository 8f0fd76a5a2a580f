//! Rows of text as a table for a terminal, and values as text. Pure.

export type Column<Row> = {
  readonly head: string
  readonly cell: (row: Row) => string
  readonly right?: true
}

/** Columns are as wide as their widest cell; the first page of many decides for all of them. */
export function table<Row>(rows: readonly Row[], columns: readonly Column<Row>[]): string {
  const cells = rows.map((row) => columns.map(({ cell }) => printable(cell(row))))
  const widths = columns.map(({ head }, index) =>
    Math.max(head.length, ...cells.map((row) => widthOf(row[index] ?? ''))),
  )
  const line = (texts: readonly string[]): string =>
    texts
      .map((text, index) => padded(text, widths[index] ?? 0, columns[index]?.right === true))
      .join('  ')
      .trimEnd()
  return [columns.map(({ head }) => head), ...cells].map((texts) => `${line(texts)}\n`).join('')
}

/** Without what would move the cursor or change the colours of whoever looks at it. */
export function printable(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Cf}]/gu, '?')
}

/** `1:02:03`, `2:03`. */
export function clock(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds))
  const two = (value: number): string => String(value).padStart(2, '0')
  const hours = Math.floor(whole / 3600)
  const rest = `${Math.floor(whole / 60) % 60}:${two(whole % 60)}`
  return hours === 0 ? rest : `${hours}:${rest.padStart(5, '0')}`
}

/** `2026-11-20 19:07:03`, in the reader's time zone. */
export function localTime(iso: string): string {
  const at = new Date(iso)
  const two = (value: number): string => String(value).padStart(2, '0')
  const day = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`
  return `${day} ${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`
}

export function grouped(value: number): string {
  return Math.round(value).toLocaleString('en')
}

function padded(text: string, width: number, right: boolean): string {
  const fill = ' '.repeat(Math.max(0, width - widthOf(text)))
  return right ? fill + text : text + fill
}

function widthOf(text: string): number {
  return Array.from(text).length
}
